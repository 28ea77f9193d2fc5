import Bedrock

/// How `| logfmt` reads lines.
struct LogfmtOptions: Equatable, Sendable {
    /// `--strict`: the first malformed pair ends the scan with an error.
    var isStrict = false
    /// `--keep-empty`: keys without a value become labels, too.
    var keepsEmpty = false
}

/// `| logfmt`: every pair as a label. Not thread-safe.
final class LogfmtExtractor {
    private let keys: KeyTable
    private let options: LogfmtOptions

    init(_ names: LabelNames, wanted: WantedNames, options: LogfmtOptions) {
        keys = KeyTable(names, wanted: wanted)
        self.options = options
    }

    func extract(_ line: UnsafeRawBufferPointer, _ row: RowLabels, _ arena: ScratchArena, _ pending: inout PendingNames)
    {
        keys.beginRow()
        var scanner = LogfmtScanner(line)
        while true {
            guard scanner.next() else {
                guard let damage = scanner.damage else { return }
                guard options.isStrict else { continue }
                return row.setError(.logfmt, details: LogfmtScanner.text(damage, arena))
            }
            if scanner.value.count == 0, !options.keepsEmpty { continue }
            let key = keys.find(scanner.key, parent: KeyTable.root)
            guard keys.isWanted(key), let target = row.target(keys.nameID(key)) else { continue }
            guard let value = scanner.text(arena) else {
                guard options.isStrict, let damage = scanner.damage else { continue }
                return row.setError(.logfmt, details: LogfmtScanner.text(damage, arena))
            }
            row.setExtracted(target, value)
            if pending.found(target) { return }
        }
    }
}

extension LogfmtScanner {
    /// The value unescaped and cleaned; nil, with `damage`, when its escapes are none.
    @inline(__always)
    mutating func text(_ arena: ScratchArena) -> UnsafeRawBufferPointer? {
        guard hasEscapes else { return TextRepair.clean(value, arena) }
        guard let plain = TextRepair.unescapeJSON(value, arena) else {
            rejectQuote()
            return nil
        }
        return TextRepair.clean(plain, arena)
    }
}

/// `| logfmt a, b="key"`: the named pairs only; those that a line lacks come out empty. Not thread-safe.
final class LogfmtKeyExtractor {
    private let fields: [(id: Int32, key: [UInt8])]
    private let options: LogfmtOptions
    @exclusivity(unchecked) private var isFound: [Bool]
    @exclusivity(unchecked) private var room = ByteBuffer(capacity: 64)

    init(_ fields: [(id: Int32, key: [UInt8])], options: LogfmtOptions) {
        self.fields = fields
        self.options = options
        isFound = Array(repeating: false, count: fields.count)
    }

    func extract(_ line: UnsafeRawBufferPointer, _ row: RowLabels, _ arena: ScratchArena) {
        for i in isFound.indices { isFound[i] = false }
        var left = fields.count
        var scanner = LogfmtScanner(line)
        while left > 0 || options.isStrict {
            guard scanner.next() else {
                guard let damage = scanner.damage else { break }
                guard options.isStrict else { continue }
                row.setError(.logfmt, details: LogfmtScanner.text(damage, arena))
                break
            }
            if scanner.value.count == 0, !options.keepsEmpty { continue }
            for i in fields.indices where !isFound[i] && matches(scanner.key, fields[i].key) {
                guard let value = scanner.text(arena) else { break }
                isFound[i] = true
                left -= 1
                if let target = row.target(fields[i].id) { row.setExtracted(target, value) }
            }
        }
        for i in fields.indices where !isFound[i] && !row.has(fields[i].id) {
            row.setExtracted(fields[i].id, UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    /// The key as it stands, or as the name of a label.
    private func matches(_ key: UnsafeRawBufferPointer, _ wanted: [UInt8]) -> Bool {
        wanted.withUnsafeBytes { wanted in
            if equalBytes(key, wanted) { return true }
            guard key.count <= wanted.count * 4 else { return false }
            room.clear()
            LabelNameSanitizer.append(key, to: &room)
            return equalBytes(room.bytes, wanted)
        }
    }
}
