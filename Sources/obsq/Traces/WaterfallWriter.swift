import Bedrock
import Client
import Model

/// A line of a log that belongs to a trace.
struct TraceLogLine {
    /// Nanoseconds since the Unix epoch.
    var time: Int64
    var span: SpanID?
    var level: String
    var text: String
}

/// Draws a trace: a line a span, with its bar on a common axis. Filled is the time for which all waits, shaded the rest.
struct WaterfallWriter {
    let output: Output
    let view: TraceView
    /// Columns of the terminal.
    let width: Int
    var showsAttributes = false
    /// By span; those of no span stand at the end.
    var logs: [TraceLogLine] = []

    private var tree: TraceTree { view.tree }
    private static let guidesMax = 24
    private static let attributesMax = 40

    func write() {
        header()
        let label = min(max(width * 45 / 100, 24), 70)
        let bar = max(width - label - 10, 10)
        axis(label, bar)
        let bySpan = Dictionary(grouping: logs) { $0.span ?? .none }
        var segments: [Int: [CriticalPath.Segment]] = [:]
        for segment in view.path.segments { segments[segment.node, default: []].append(segment) }
        for line in view.lines {
            switch line {
            case .span(let node, let guides, let isLast):
                span(node, guides, isLast, label, bar, segments[node] ?? [])
                details(node, guides, isLast, bySpan[tree.span(node).spanID] ?? [])
            case .more(_, let spans, let errors, let guides):
                let failed = errors > 0 ? output.styled(", \(errors) failed", .red) : ""
                output.line(
                    prefix(guides, isLast: true) + output.styled("… \(spans) more span\(spans == 1 ? "" : "s")", .dim)
                        + failed)
            }
        }
        let shown = Set(
            view.lines.compactMap { if case .span(let node, _, _) = $0 { tree.span(node).spanID } else { nil } })
        let others = logs.filter { !shown.contains($0.span ?? .none) }
        if !others.isEmpty { output.line("\nlogs of spans that are not shown:") }
        for line in others { log(line, "  ") }
        footer()
    }

    private func header() {
        guard let root = tree.roots.first else { return }
        let span = tree.span(root)
        let missing = tree.nodes[root].isOrphan ? output.styled("  (its root has not come yet)", .yellow) : ""
        output.line(
            output.styled("\(tree.service(root)): \(tree.name(root))", .bold) + "  "
                + ShortDuration.text(tree.duration) + missing)
        let errors = tree.errorCount
        let services = tree.serviceCounts
        var facts = "\(tree.nodes.count) spans  \(services.count) services  depth \(tree.depth)"
        if errors > 0 { facts += "  " + output.styled("\(errors) error\(errors == 1 ? "" : "s")", .red) }
        output.line(output.styled("trace \(span.traceID)  \(LogTime.text(tree.start, digits: 3))  ", .dim) + facts)
        output.line()
    }

    private func axis(_ label: Int, _ bar: Int) {
        var line = [Character](repeating: " ", count: bar)
        for quarter in 0..<4 {
            let text = ShortDuration.text(tree.duration / 4 * Int64(quarter))
            for (offset, character) in text.enumerated() where quarter * bar / 4 + offset < bar {
                line[quarter * bar / 4 + offset] = character
            }
        }
        output.line(
            output.styled(String(repeating: " ", count: label) + String(line) + ShortDuration.text(tree.duration), .dim)
        )
    }

    private func prefix(_ guides: [Bool], isLast: Bool) -> String {
        guard !guides.isEmpty else { return "" }
        let cut = guides.count > Self.guidesMax
        let shown = cut ? guides.suffix(Self.guidesMax) : guides[...]
        var text = cut ? "…" : ""
        for goesOn in shown.dropFirst() { text += goesOn ? "│ " : "  " }
        return text + (isLast ? "└ " : "├ ")
    }

    private func span(
        _ node: Int, _ guides: [Bool], _ isLast: Bool, _ label: Int, _ bar: Int, _ segments: [CriticalPath.Segment]
    ) {
        let isError = tree.span(node).status == .error
        let lead = prefix(guides, isLast: isLast)
        let service = tree.service(node)
        let room = max(label - lead.count - (isError ? 2 : 0) - 1, 4)
        var text = "\(service): \(tree.name(node))"
        if tree.nodes[node].isOrphan && tree.nodes[node].parent == nil { text = "? " + text }
        text = Self.printable(text)
        if text.count > room { text = text.prefix(room - 1) + "…" }
        let padded = text.padded(room)
        let name = view.path.contains(node) ? output.styled(padded, .bold) : padded
        output.line(
            lead + (isError ? output.styled("✗ ", .red) : "") + name + " " + drawn(node, bar, segments, isError) + " "
                + ShortDuration.text(tree.nodes[node].duration))
    }

    /// The bar of a span within `width` columns.
    private func drawn(_ node: Int, _ width: Int, _ segments: [CriticalPath.Segment], _ isError: Bool) -> String {
        let span = tree.nodes[node]
        let whole = Double(max(tree.duration, 1))
        func column(_ time: Int64) -> Double { Double(time - tree.start) / whole * Double(width) }
        let first = min(Int(column(span.start)), width - 1)
        let last = max(min(Int(column(span.end).rounded(.up)), width), first + 1)
        var cells = [Character](repeating: "░", count: last - first)
        for segment in segments {
            let from = max(Int(column(segment.start)) - first, 0)
            let to = min(max(Int(column(segment.end).rounded(.up)) - first, from + 1), cells.count)
            for cell in from..<max(to, from) where cell < cells.count { cells[cell] = "█" }
        }
        let style: Output.Style = isError ? .red : .cyan
        return String(repeating: " ", count: first) + output.styled(String(cells), style)
            + String(repeating: " ", count: width - last)
    }

    // MARK: Below a span

    private func details(_ node: Int, _ guides: [Bool], _ isLast: Bool, _ logs: [TraceLogLine]) {
        var below = ""
        for goesOn in (guides + [!isLast]).suffix(Self.guidesMax).dropFirst() { below += goesOn ? "│ " : "  " }
        below += "    "
        let span = tree.span(node)
        tree.batch.withArena { arena in
            if span.status == .error, !span.statusMessage.isEmpty {
                output.line(below + output.styled(Self.printable(tree.batch.text(span.statusMessage)), .red))
            }
            var events = SpanEventCursor(arena[span.events])
            while events.next() { event(events, span, below) }
            if showsAttributes { attributes(span, arena, below) }
        }
        for line in logs.sorted(by: { $0.time < $1.time }) { log(line, below) }
    }

    private func event(_ event: SpanEventCursor, _ span: SpanBatch.Row, _ below: String) {
        let found = attributes(event.attributes)
        func text(_ key: String) -> String? {
            found.first { $0.key == key }.map { AttributeText.text($0.value) }
        }
        var line = "+\(ShortDuration.text(event.time &- span.start)) \(String(decoding: event.name, as: UTF8.self))"
        if let type = text("exception.type") { line += " \(type)" }
        if let message = text("exception.message") { line += ": \(message)" }
        guard showsAttributes || found.contains(where: { $0.key.hasPrefix("exception.") }) else { return }
        output.line(below + output.styled(Self.printable(line), .yellow))
    }

    private func attributes(_ span: SpanBatch.Row, _ arena: UnsafeRawBufferPointer, _ below: String) {
        let own = Model.attributes(arena[span.attributes])
        for attribute in own.prefix(Self.attributesMax) {
            output.line(
                below + output.styled(Self.printable("\(attribute.key)=\(AttributeText.text(attribute.value))"), .dim))
        }
        if own.count > Self.attributesMax {
            output.line(below + output.styled("… \(own.count - Self.attributesMax) more attributes", .dim))
        }
    }

    private func attributes(_ bytes: UnsafeRawBufferPointer) -> [Attribute] { Model.attributes(bytes) }

    private func log(_ line: TraceLogLine, _ below: String) {
        let level = line.level.isEmpty ? "" : line.level + " "
        let style: Output.Style = ["error", "fatal", "critical"].contains(line.level.lowercased()) ? .red : .green
        let text = Self.printable("+\(ShortDuration.text(line.time &- tree.start)) \(level)\(line.text)")
        output.line(below + output.styled("≡ " + text, style))
    }

    private func footer() {
        let whole = max(view.path.selfTimes.reduce(0, +), 1)
        let slowest = tree.nodes.indices.filter { view.path.contains($0) }
            .sorted { view.path.selfTimes[$0] > view.path.selfTimes[$1] }.prefix(3)
        guard !slowest.isEmpty else { return }
        let parts = slowest.map { node in
            let share = Int((Double(view.path.selfTimes[node]) / Double(whole) * 100).rounded())
            return
                "\(Self.printable(tree.service(node) + ": " + tree.name(node))) \(ShortDuration.text(view.path.selfTimes[node])) (\(share) %)"
        }
        output.line("\nwaited for most: " + parts.joined(separator: ", "))
    }

    /// Without what would move a terminal's cursor.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 32 || ($0.value >= 127 && $0.value < 160) ? " " : $0 }))
    }
}

/// Attribute values for people.
enum AttributeText {
    static func text(_ value: AttributeValue) -> String {
        switch value {
        case .empty: ""
        case .string(let text): text
        case .bool(let flag): flag ? "true" : "false"
        case .int(let number): String(number)
        case .double(let number): NumberText.text(number)
        case .bytes(let bytes): "\(bytes.count) bytes"
        case .array(let values): "[" + values.map(text).joined(separator: ", ") + "]"
        case .map(let members): "{" + members.map { "\($0.key): \(text($0.value))" }.joined(separator: ", ") + "}"
        }
    }
}
