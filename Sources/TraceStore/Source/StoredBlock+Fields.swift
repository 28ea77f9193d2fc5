import Bedrock
import LSM
import Model

extension StoredBlock: SpanRows {
    func parentIDs() throws -> ContiguousArray<UInt64> {
        let (ids, rows, parents) = (try spanIDs(), try parentRows(), try parentColumn())
        var unknown = 0
        return ContiguousArray(
            rows.map { row in
                if row >= 0 { return ids[Int(row)] }
                if row == -1 { return 0 }
                unknown += 1
                return parents.unknownIDs[unknown - 1]
            })
    }

    func resourceBytes(_ number: Int) -> UnsafeRawBufferPointer { index.resources[number] }
    func scopeBytes(_ number: Int) -> UnsafeRawBufferPointer { index.scopes[number] }

    func rows(whereResource test: (UnsafeRawBufferPointer) -> Bool) throws -> ContiguousArray<UInt8> {
        let verdicts = entry.resources.map { test(index.resources[Int($0)]) ? UInt8(1) : 0 }
        return ContiguousArray(try resources().map { verdicts[Int($0)] })
    }

    func column(_ field: SpanField) throws -> SpanColumn {
        switch field {
        case .intrinsic(let intrinsic): try column(intrinsic)
        case .attribute(let scope, let key): try column(scope, Array(key.utf8), field)
        }
    }

    private func column(_ intrinsic: SpanIntrinsic) throws -> SpanColumn {
        if let common = try SpanFieldColumns.common(intrinsic, self) { return common }
        switch intrinsic {
        case .name:
            return .coded(
                try names(), entry.names.map { AttributeBytes(type: .string, payload: index.names[Int($0)]) })
        case .scopeName, .scopeVersion:
            let values = entry.scopes.map { number -> AttributeBytes? in
                guard let scope = try? ScopeBytes(index.scopes[Int(number)]) else { return nil }
                let text = intrinsic == .scopeName ? scope.name : scope.version
                return text.count > 0 ? AttributeBytes(type: .string, payload: text) : nil
            }
            return .coded(try scopes(), values)
        case .statusMessage: return try texts(of: .statusMessage)
        case .eventName, .eventTimeSinceStart: return try events(.intrinsic(intrinsic))
        case .linkTraceID, .linkSpanID: return try links(.intrinsic(intrinsic))
        default: throw FieldNeedsTrace()
        }
    }

    private func column(_ scope: AttributeScope, _ key: [UInt8], _ field: SpanField) throws -> SpanColumn {
        switch scope {
        case .span: return try spanAttribute(key)
        case .resource:
            let values = entry.resources.map { number in
                (try? ResourceBytes(index.resources[Int(number)])).flatMap { attribute(key, in: $0.attributes) }
            }
            return .coded(try resources(), values)
        case .instrumentation:
            let values = entry.scopes.map { number in
                (try? ScopeBytes(index.scopes[Int(number)])).flatMap { attribute(key, in: $0.attributes) }
            }
            return .coded(try scopes(), values)
        case .event: return try events(field)
        case .link: return try links(field)
        case .any:
            let own = try spanAttribute(key)
            let resource = try column(.resource, key, field)
            return own.orElse(resource)
        }
    }

    /// The block's column of a role that isn't an attribute's, with the rows of its values.
    private func column(of role: ColumnRole) throws -> (column: StoredColumn, rows: ContiguousArray<Int32>)? {
        guard let number = index.columns.firstIndex(where: { $0.role == role }) else { return nil }
        let rows = try valueRows(number)
        return rows.isEmpty ? nil : (try column(number), rows)
    }

    private func texts(of role: ColumnRole) throws -> SpanColumn {
        guard let (column, rows) = try column(of: role) else { return SpanColumn.absent(rowCount) }
        return single(column, rows)
    }

    private func bytes(of role: ColumnRole) throws -> (Int) -> UnsafeRawBufferPointer {
        guard let (column, rows) = try column(of: role) else { return { _ in .init(start: nil, count: 0) } }
        var place = [Int32](repeating: -1, count: rowCount)
        for (value, row) in rows.enumerated() { place[Int(row)] = Int32(truncatingIfNeeded: value) }
        return { place[$0] < 0 ? .init(start: nil, count: 0) : column.text(Int(place[$0])) }
    }

    private func events(_ field: SpanField) throws -> SpanColumn {
        SpanFieldColumns.events(field, starts: try starts(), try bytes(of: .events))
    }

    private func links(_ field: SpanField) throws -> SpanColumn {
        SpanFieldColumns.links(field, rowCount: rowCount, try bytes(of: .links))
    }

    // MARK: Attributes of spans

    private func spanAttribute(_ key: [UInt8]) throws -> SpanColumn {
        let present = Set(try layouts().lists.joined())
        let columns = index.attributes[key, default: []].filter { present.contains(Int32($0)) }
        let hasRest = index.columns.indices.contains {
            index.columns[$0].role == .rest && present.contains(Int32($0))
        }
        if columns.isEmpty, !hasRest { return SpanColumn.absent(rowCount) }
        if columns.count == 1, !hasRest, index.columns[columns[0]].type != .array {
            return single(try column(columns[0]), try valueRows(columns[0]))
        }
        return try mixed(key, Set(columns.map { Int32($0) }))
    }

    /// A column with one type of values; the first counts where a row has several.
    private func single(_ column: StoredColumn, _ rows: ContiguousArray<Int32>) -> SpanColumn {
        let made = SpanColumn(rowCount: rowCount)
        let type: SpanValueType =
            switch column.info.type {
            case .string: .string
            case .bool: .bool
            case .int: .int
            case .double: .float
            default: .nil
            }
        var map = [Int64](repeating: -1, count: type == .string ? column.texts.count : 0)
        var value = 0
        for row in 0..<Int32(truncatingIfNeeded: rowCount) {
            guard value < rows.count, rows[value] == row else {
                made.append(.nil, 0)
                continue
            }
            switch type {
            case .nil: made.append(.nil, 0)
            case .string:
                let text = Int(column.numbers[value])
                if map[text] < 0 { map[text] = made.appendText(column.texts[text]) }
                made.append(.string, map[text])
            default: made.append(type, column.numbers[value])
            }
            while value < rows.count, rows[value] == row { value += 1 }
        }
        return made
    }

    /// A key with several types, arrays, or values among the rest.
    private func mixed(_ key: [UInt8], _ wanted: Set<Int32>) throws -> SpanColumn {
        let (lists, rows) = try layouts()
        var next: [Int32: Int] = [:]
        var buffer = ByteBuffer(capacity: 256)
        var found: [(offset: Int, count: Int)] = []
        for row in rows.indices {
            let start = buffer.count
            for number in lists[Int(rows[row])] {
                let info = index.columns[Int(number)]
                let isWanted = wanted.contains(number)
                guard isWanted || info.role == .rest else { continue }
                let value = next[number, default: 0]
                next[number] = value + 1
                if buffer.count > start { continue }
                let column = try column(Int(number))
                if isWanted {
                    buffer.append(attributeKey: UnsafeRawBufferPointer(start: nil, count: 0))
                    column.append(value, to: &buffer)
                } else if let rest = attribute(key, in: column.text(value)) {
                    buffer.append(attribute: UnsafeRawBufferPointer(start: nil, count: 0), rest)
                }
            }
            found.append((start, buffer.count - start))
        }
        return SpanColumn.of(rowCount) { row in
            guard found[row].count > 0 else { return nil }
            let place = found[row]
            return attribute(
                [], in: UnsafeRawBufferPointer(rebasing: buffer.bytes[place.offset..<place.offset + place.count]))
        }
    }
}

extension SpanColumn {
    /// No row has a value.
    static func absent(_ rowCount: Int) -> SpanColumn {
        .of(.nil, ContiguousArray(repeating: 0, count: rowCount))
    }

    /// This column, with another's values where a row has none.
    func orElse(_ other: SpanColumn) -> SpanColumn {
        let gather = ColumnGather(rowCount: rowCount, isMany: starts != nil || other.starts != nil)
        for row in 0..<rowCount {
            let own = values(ofRow: row)
            let isAbsent = own.allSatisfy { types[$0] == SpanValueType.nil.rawValue }
            gather.append(CollectionOfOne(Int32(truncatingIfNeeded: row)), of: isAbsent ? other : self)
        }
        return gather.finish()
    }
}
