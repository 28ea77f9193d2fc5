import Bedrock
import Client
import Formats
import Model

/// How entries are written.
struct EntryStyle {
    enum Format: String, CaseIterable {
        case short
        case raw
        case json
        case logfmt
    }

    enum LabelChoice {
        /// Labels of the stream that not all shown entries share.
        case differing
        case all
        case none
    }

    var format = Format.short
    var labels = LabelChoice.differing
    var colour = false
    /// Control characters can't reach a terminal.
    var isTerminal = false
}

/// Writes entries as text, a batch at a time. One owner.
final class EntryWriter {
    /// Where an entry stands among those around a hit.
    struct Mark {
        var isHit: Bool
        var group: Int
    }

    private let style: EntryStyle
    private let output: Output
    private var buffer = ByteBuffer(capacity: 64 << 10)
    /// Of one entry.
    private var json = JSONWriter()
    /// Label pairs that all entries of the first batch share; nil before it.
    private var common: Labels?
    /// Shown labels by stream, of the batch at hand.
    private var labelTexts: [Int: String] = [:]

    init(_ style: EntryStyle, _ output: Output) {
        self.style = style
        self.output = output
    }

    /// Writes all rows of `table`.
    func write(_ table: LogTable) { write(table, Array(0..<table.count)) { _ in nil } }

    /// Writes `rows` of `table`, each with its mark.
    func write(_ table: LogTable, _ rows: [Int], mark: (Int) -> Mark?) {
        learnCommon(table)
        labelTexts.removeAll(keepingCapacity: true)
        for row in rows {
            switch style.format {
            case .short: short(table, row, mark(row))
            case .raw: table.withLine(row) { buffer.append($0) }
            case .json: object(table, row, mark(row))
            case .logfmt: logfmt(table, row)
            }
            buffer.append(UInt8(ascii: "\n"))
            if buffer.count > 256 << 10 { flush() }
        }
        flush()
    }

    /// A line between groups, where the format has a place for it.
    func separator() {
        switch style.format {
        case .short, .raw: output.line(output.styled("--", .dim))
        case .json, .logfmt: break
        }
    }

    private func flush() {
        output.raw(buffer.bytes)
        buffer.clear()
    }

    /// What all streams of the first batch have in common is said once, on standard error, and not with each entry.
    private func learnCommon(_ table: LogTable) {
        guard common == nil, style.format == .short, style.labels == .differing, !table.isEmpty else { return }
        let used = Set(table.rows.map(\.stream)).map { table.streams[$0] }
        guard let first = used.first else { return }
        let shared = first.list.filter { label in used.allSatisfy { $0[label.name] == label.value } }
        common = Labels(shared)
        if !shared.isEmpty { output.note("labels of all: \(Labels(shared))") }
    }

    // MARK: short

    private func short(_ table: LogTable, _ row: Int, _ mark: Mark?) {
        if let mark { append(mark.isHit ? "> " : "  ", mark.isHit ? .bold : .dim) }
        append(LogTime.text(table.rows[row].timestamp, digits: 3), .dim)
        buffer.append(UInt8(ascii: " "))
        let labels = labelText(table, row)
        if !labels.isEmpty {
            append(labels, .cyan)
            buffer.append(UInt8(ascii: " "))
        }
        let level = style.colour ? Output.Style(LogLevel(table, row: row)) : nil
        table.withLine(row) { line in
            let hasOwnColour = line.contains(0x1B)
            let isStyled = level != nil && !hasOwnColour
            if isStyled, let level { buffer.append(utf8: "\u{1B}[\(level.rawValue)m") }
            if style.isTerminal { appendSafe(line) } else { buffer.append(line) }
            if isStyled || (style.colour && hasOwnColour) { buffer.append(utf8: "\u{1B}[0m" as StaticString) }
        }
    }

    private func append(_ text: String, _ look: Output.Style) {
        buffer.append(utf8: style.colour ? "\u{1B}[\(look.rawValue)m\(text)\u{1B}[0m" : text)
    }

    /// A line for a terminal: colours stay, other control characters are shown as what they are.
    private func appendSafe(_ line: UnsafeRawBufferPointer) {
        var i = 0
        while i < line.count {
            let c = line[i]
            if c == 0x1B, style.colour, let end = Self.colourEnd(line, from: i) {
                buffer.append(UnsafeRawBufferPointer(rebasing: line[i..<end]))
                i = end
                continue
            }
            if (c < 0x20 && c != 0x09 && c != 0x0A) || c == 0x7F {
                buffer.append(utf8: "\\x" + (c < 16 ? "0" : "") + String(c, radix: 16))
            } else {
                buffer.append(c)
            }
            i += 1
        }
    }

    /// The end of a colour sequence (`ESC [ 1;31 m`) at `start`.
    private static func colourEnd(_ line: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard start + 1 < line.count, line[start + 1] == UInt8(ascii: "[") else { return nil }
        var i = start + 2
        while i < line.count, line[i] == UInt8(ascii: ";") || line[i] &- 48 < 10 { i += 1 }
        return i < line.count && line[i] == UInt8(ascii: "m") ? i + 1 : nil
    }

    private func labelText(_ table: LogTable, _ row: Int) -> String {
        switch style.labels {
        case .none: return ""
        case .all: return Self.pairs(Self.everything(table, row))
        case .differing:
            let stream = table.rows[row].stream
            if let known = labelTexts[stream] { return known }
            let shown = table.streams[stream].list.filter { $0.value != common?[$0.name] }
            let text = Self.pairs(shown)
            labelTexts[stream] = text
            return text
        }
    }

    /// Labels of all kinds: the stream's first, then metadata, then what was parsed.
    private static func everything(_ table: LogTable, _ row: Int) -> [Label] {
        table.labels(row).list + table.metadata(row).list + table.parsed(row).list
    }

    private static func pairs(_ labels: [Label]) -> String {
        labels.map { $0.name + "=" + logfmtValue($0.value) }.joined(separator: " ")
    }

    // MARK: logfmt

    private func logfmt(_ table: LogTable, _ row: Int) {
        buffer.append(utf8: "time=" + LogTime.text(table.rows[row].timestamp, digits: 9))
        if style.labels != .none {
            for label in Self.everything(table, row) {
                buffer.append(utf8: " " + label.name + "=" + Self.logfmtValue(label.value))
            }
        }
        buffer.append(utf8: " msg=" + Self.logfmtValue(table.text(row)))
    }

    /// Quoted where a reader would lose its way.
    static func logfmtValue(_ text: String) -> String {
        let isPlain =
            !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 != 0x5C && $0 != 0x7F }
        return isPlain ? text : quoted(text)
    }

    // MARK: JSON

    private func object(_ table: LogTable, _ row: Int, _ mark: Mark?) {
        json.beginObject()
        json.key("time")
        json.string(LogTime.text(table.rows[row].timestamp, digits: 9))
        if style.labels != .none {
            member("labels", table.labels(row), isShown: true)
            member("metadata", table.metadata(row), isShown: false)
            member("parsed", table.parsed(row), isShown: false)
        }
        table.withLine(row) { line in
            json.key("line")
            json.string(line)
            // JSON has no bytes: what isn't UTF-8 is said once more, unharmed.
            if !UTF8Text.isValid(line) {
                json.key("line_base64")
                json.base64(line)
            }
        }
        if let mark {
            json.key("hit")
            json.bool(mark.isHit)
            json.key("group")
            json.integer(mark.group)
        }
        json.endObject()
        buffer.append(json.buffer.bytes)
        json.clear()
    }

    private func member(_ name: StaticString, _ labels: Labels, isShown: Bool) {
        if labels.isEmpty && !isShown { return }
        json.key(name)
        json.beginObject()
        labels.forEach { name, value in
            json.key(name)
            json.string(value)
        }
        json.endObject()
    }
}

extension Output.Style {
    /// Nil where the text stays as it is.
    init?(_ level: LogLevel?) {
        switch level {
        case .error: self = .red
        case .warning: self = .yellow
        case .debug: self = .dim
        case .information, nil: return nil
        }
    }
}
