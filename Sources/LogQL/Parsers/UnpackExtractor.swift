import Bedrock

/// `| unpack`: undoes what an agent's pack stage did: the strings of a flat object are labels, `_entry` is the line. Not thread-safe.
final class UnpackExtractor {
    private let keys: KeyTable

    init(_ names: LabelNames, wanted: WantedNames) { keys = KeyTable(names, wanted: wanted) }

    /// The line that was packed, or `line` when the object has none. Without one the labels are left alone, too, as nothing was packed.
    func extract(_ line: UnsafeRawBufferPointer, _ row: RowLabels, _ arena: ScratchArena) -> UnsafeRawBufferPointer {
        guard line.count > 0 else { return line }
        var probe = JSONScanner(line)
        let entry = findEntry(&probe, arena)
        if let damage = probe.damage {
            row.setError(.json, details: damage.text)
            return line
        }
        guard let entry else { return line }
        keys.beginRow()
        var scanner = JSONScanner(line)
        guard scanner.beginObject() else { return line }
        var isFirst = true
        while let key = scanner.key(isFirst: isFirst), let kind = scanner.valueKind() {
            isFirst = false
            guard kind == .string else {
                guard scanner.skipValue() else { break }
                continue
            }
            scanner.at += 1
            guard let token = scanner.string() else { break }
            let text = key.hasEscapes ? TextRepair.unescapeJSON(key.text, arena) ?? key.text : key.text
            if Self.isEntry(text) { continue }
            let found = keys.find(text, parent: KeyTable.root)
            guard keys.isWanted(found), let target = row.target(keys.nameID(found)) else { continue }
            row.setExtracted(target, JSONText.value(token, arena))
        }
        return entry
    }

    private func findEntry(_ scanner: inout JSONScanner, _ arena: ScratchArena) -> UnsafeRawBufferPointer? {
        guard scanner.beginObject() else { return nil }
        var isFirst = true
        var entry: UnsafeRawBufferPointer?
        while let key = scanner.key(isFirst: isFirst) {
            isFirst = false
            guard entry == nil, Self.isEntry(key.text), scanner.peek() == UInt8(ascii: "\"") else {
                guard scanner.skipValue() else { return nil }
                continue
            }
            scanner.at += 1
            guard let token = scanner.string() else { return nil }
            entry = token.hasEscapes ? TextRepair.unescapeJSON(token.text, arena) ?? token.text : token.text
        }
        return entry
    }

    private static func isEntry(_ key: UnsafeRawBufferPointer) -> Bool {
        let name: StaticString = "_entry"
        return equalBytes(key, UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }
}
