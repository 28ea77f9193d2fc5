import Bedrock

/// The metadata `detected_level`, as Loki derives it when told to: `trace`, `debug`, `info`, `warn`, `error`, `critical`, `fatal` or `unknown`.
enum DetectedLevel {
    private static let fields: [StaticString] = [
        "level", "LEVEL", "Level", "severity", "SEVERITY", "Severity", "lvl", "LVL", "severity_text",
    ]
    private static let words: [(word: StaticString, level: StaticString)] = [
        ("trace", "trace"), ("debug", "debug"), ("dbg", "debug"), ("info", "info"), ("information", "info"),
        ("notice", "info"), ("warn", "warn"), ("warning", "warn"), ("wrn", "warn"), ("error", "error"),
        ("err", "error"), ("critical", "critical"), ("crit", "critical"), ("alert", "critical"), ("fatal", "fatal"),
        ("emerg", "fatal"),
    ]

    static func add(to metadata: inout LabelSetWriter, line: UnsafeRawBufferPointer) {
        var level: StaticString?
        for pair in metadata.pairs {
            if pair.name.spells("detected_level") { return }
            if level == nil, fields.contains(where: { pair.name.spells($0) }) { level = word(pair.value) }
        }
        if level == nil { level = severityNumber(metadata) }
        let found = level ?? inLine(line) ?? "unknown"
        metadata.add(UnsafeRawBufferPointer("detected_level"), UnsafeRawBufferPointer(found))
    }

    private static func word(_ text: UnsafeRawBufferPointer) -> StaticString? {
        words.first { isWord(text, $0.word) }?.level
    }

    private static func isWord(_ text: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
        guard text.count == word.utf8CodeUnitCount else { return false }
        for i in 0..<text.count where text[i] | 0x20 != word.utf8Start[i] { return false }
        return true
    }

    private static func severityNumber(_ metadata: LabelSetWriter) -> StaticString? {
        guard let pair = metadata.pairs.first(where: { $0.name.spells("severity_number") }),
            let number = NumberText.parseInteger(pair.value)
        else { return nil }
        return switch number {
        case 1...4: "trace"
        case 5...8: "debug"
        case 9...12: "info"
        case 13...16: "warn"
        case 17...20: "error"
        case 21...24: "fatal"
        default: nil
        }
    }

    /// The first word of the line's beginning that names a level, whatever stands around it.
    private static func inLine(_ line: UnsafeRawBufferPointer) -> StaticString? {
        let head = UnsafeRawBufferPointer(rebasing: line.prefix(256))
        var i = 0
        while i < head.count {
            guard (head[i] | 0x20) &- 97 < 26 else {
                i += 1
                continue
            }
            let start = i
            while i < head.count, (head[i] | 0x20) &- 97 < 26 { i += 1 }
            if let level = word(UnsafeRawBufferPointer(rebasing: head[start..<i])) { return level }
        }
        return nil
    }
}
