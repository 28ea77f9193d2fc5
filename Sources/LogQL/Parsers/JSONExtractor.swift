import Bedrock

/// `| json`: every scalar of an object as a label, named by its path joined with `_`. Not thread-safe.
final class JSONExtractor {
    private let keys: KeyTable
    private let wanted: WantedNames
    /// Keys of the objects that are open.
    @exclusivity(unchecked) private var open: ContiguousArray<Int32> = []

    /// Nesting of objects that is followed.
    static let depthMax = 128

    init(_ names: LabelNames, wanted: WantedNames) {
        self.wanted = wanted
        keys = KeyTable(names, wanted: wanted)
    }

    func extract(_ line: UnsafeRawBufferPointer, _ row: RowLabels, _ arena: ScratchArena, _ pending: inout PendingNames)
    {
        keys.beginRow()
        open.removeAll(keepingCapacity: true)
        var scanner = JSONScanner(line)
        if scanner.beginObject() { walk(&scanner, row, arena, &pending) }
        if let damage = scanner.damage { row.setError(.json, details: damage.text) }
    }

    private func walk(
        _ scanner: inout JSONScanner, _ row: RowLabels, _ arena: ScratchArena, _ pending: inout PendingNames
    ) {
        open.append(KeyTable.root)
        var isFirst = true
        while let parent = open.last {
            guard let key = scanner.key(isFirst: isFirst) else {
                if scanner.damage != nil { return }
                open.removeLast()
                isFirst = false
                continue
            }
            isFirst = false
            guard let kind = scanner.valueKind() else { return }
            let found = find(key, parent, arena)
            switch kind {
            case .object:
                guard keys.mayHoldWanted(found) else {
                    guard scanner.skipNested() != nil else { return }
                    continue
                }
                guard open.count < Self.depthMax else {
                    scanner.damage = .tooDeep
                    return
                }
                scanner.at += 1
                open.append(found)
                isFirst = true
            case .array:
                guard scanner.skipNested() != nil else { return }
            case .string:
                scanner.at += 1
                guard let token = scanner.string() else { return }
                if take(found, token, row, arena, &pending) { return }
            case .number, .bool, .null:
                guard let token = scanner.literal(kind) else { return }
                if kind != .null, take(found, token, row, arena, &pending) { return }
            }
        }
    }

    @inline(__always)
    private func find(_ key: JSONScanner.Token, _ parent: Int32, _ arena: ScratchArena) -> Int32 {
        guard key.hasEscapes else { return keys.find(key.text, parent: parent) }
        return keys.find(TextRepair.unescapeJSON(key.text, arena) ?? key.text, parent: parent)
    }

    /// Sets a label; true when nothing else is wanted of this line.
    @inline(__always)
    private func take(
        _ key: Int32, _ token: JSONScanner.Token, _ row: RowLabels, _ arena: ScratchArena,
        _ pending: inout PendingNames
    ) -> Bool {
        guard keys.isWanted(key), let target = row.target(keys.nameID(key)) else { return false }
        row.setExtracted(target, JSONText.value(token, arena))
        return pending.found(target)
    }
}

/// Values of JSON as those of labels.
enum JSONText {
    /// Strings unescaped and cleaned, anything else as it stands. A string with an escape that is none gives nothing.
    @inline(__always)
    static func value(_ token: JSONScanner.Token, _ arena: ScratchArena) -> UnsafeRawBufferPointer {
        guard token.kind == .string else { return token.text }
        guard token.hasEscapes else { return TextRepair.clean(token.text, arena) }
        guard let text = TextRepair.unescapeJSON(token.text, arena) else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return TextRepair.clean(text, arena)
    }
}
