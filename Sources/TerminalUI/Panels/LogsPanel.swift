import Client
import Dashboards
import Model

/// Log entries: a bar in the level's colour, the time, the line.
struct LogsPanel {
    let panel: Panel
    let context: PanelContext

    private var options: LogsOptions { panel.options.logs }

    /// - Parameter entries: newest first.
    func draw(_ entries: LogTable, on surface: inout Surface, in rect: Rect) {
        let order = options.isOldestFirst ? Array(entries.rows.indices.reversed()) : Array(entries.rows.indices)
        let rows = context.filter.isEmpty ? order : order.filter { matches(entries, $0) }
        // Where the newest stand at the end, the end is what is wanted to be seen.
        let first =
            options.isOldestFirst ? startFromEnd(entries, rows, rect) : min(context.scroll, max(0, rows.count - 1))
        let common = options.showsLabels ? Self.common(entries) : []
        var y = rect.y
        var shown = 0
        for row in rows.dropFirst(first) {
            guard y < rect.maxY else { break }
            y = drawRow(entries, row, common, on: &surface, rect, y: y)
            shown += 1
        }
        let rest = options.isOldestFirst ? first : rows.count - first - shown
        if rest > 0 { ItemGrid.tellRest(rest, on: &surface, in: rect, context.theme) }
    }

    private func matches(_ entries: LogTable, _ row: Int) -> Bool {
        entries.text(row).lowercased().contains(context.filter.lowercased())
    }

    private var wraps: Bool { options.wraps || context.isFullScreen }

    /// The first row to draw so that the last one stands at the bottom, scrolled up from there.
    private func startFromEnd(_ entries: LogTable, _ rows: [Int], _ rect: Rect) -> Int {
        var room = rect.height
        var first = max(1, rows.count - context.scroll)
        while first > 0, room > 0 {
            room -= lines(entries, rows.isEmpty ? 0 : rows[min(first, rows.count) - 1], [], rect.width).count
            if room < 0 { break }
            first -= 1
        }
        return max(0, min(first, rows.count - 1))
    }

    private func drawRow(
        _ entries: LogTable, _ row: Int, _ common: Set<String>, on surface: inout Surface, _ rect: Rect, y: Int
    ) -> Int {
        let level = LogLevel(entries, row: row)
        let style = level.map { Style(Color(RGBColor.ofLevel($0))) } ?? context.theme.faint
        var y = y
        for (index, line) in lines(entries, row, common, rect.width).enumerated() {
            guard y < rect.maxY else { return y }
            surface.put(context.theme.isMonochrome ? Self.letter(level) : "▌", x: rect.x, y: y, style)
            var x = rect.x + 2
            if options.showsTime {
                if index == 0 { surface.text(time(entries.rows[row].timestamp), x: x, y: y, context.theme.muted) }
                x += Self.timeColumns
            }
            let text =
                level == .error ? context.theme.bad : level == .warning ? context.theme.warning : context.theme.text
            surface.fitted(line, x: x, y: y, columns: rect.maxX - x, text)
            y += 1
        }
        return y
    }

    /// `15:04:05.123 `.
    private static let timeColumns = 13

    private func time(_ nanoseconds: Int64) -> String {
        let time = CivilTime(nanoseconds / 1_000_000, context.zone)
        let fraction = String(time.millisecond + 1000).dropFirst()
        return time.secondText + "." + fraction
    }

    private static func letter(_ level: LogLevel?) -> Unicode.Scalar {
        switch level {
        case .error: "E"
        case .warning: "W"
        case .information: "I"
        case .debug: "D"
        case nil: "·"
        }
    }

    /// The text of a row as lines on the screen: one, unless it wraps.
    private func lines(_ entries: LogTable, _ row: Int, _ common: Set<String>, _ width: Int) -> [String] {
        let columns = width - 2 - (options.showsTime ? Self.timeColumns : 0)
        var text = Self.shown(entries.text(row))
        if options.showsLabels {
            let labels = entries.labels(row).list.filter { !common.contains($0.name) }
            text = labels.map { $0.name + "=" + $0.value + " " }.joined() + text
        }
        if wraps { return TextWrap.lines(text, columns: max(1, columns)) }
        return [text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: " ")]
    }

    /// Without colour sequences; tabs as blanks. Other control characters are never drawn.
    private static func shown(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 }) else { return text }
        var out = ""
        var isInSequence = false
        for scalar in text.unicodeScalars {
            if isInSequence {
                isInSequence = !(scalar.value >= 0x40 && scalar.value < 0x7F && scalar != "[")
            } else if scalar == "\u{1B}" {
                isInSequence = true
            } else if scalar == "\t" {
                out += "    "
            } else if scalar != "\r" {
                out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    /// Names of labels whose value all streams share.
    private static func common(_ entries: LogTable) -> Set<String> {
        let used = Set(entries.rows.map(\.stream)).map { entries.streams[$0] }
        guard used.count > 1, let first = used.first else { return [] }
        return Set(first.list.filter { label in used.allSatisfy { $0[label.name] == label.value } }.map(\.name))
    }
}
