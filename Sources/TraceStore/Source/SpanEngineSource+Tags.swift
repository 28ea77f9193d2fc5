import Bedrock
import LSM
import Model

extension SpanEngineSnapshot {
    func attributeNames(
        scope: AttributeScope?, range: SpanTimeRange, limit: Int, cancellation: Cancellation
    ) throws -> [(scope: AttributeScope, name: String)] {
        guard let (first, last) = clipped(range) else { return [] }
        var found: [AttributeScope: Set<String>] = [:]
        func note(_ own: AttributeScope, _ attributes: UnsafeRawBufferPointer) {
            guard scope == nil || scope == .any || scope == own else { return }
            var cursor = AttributeCursor(attributes)
            while cursor.next() { found[own, default: []].insert(String(decoding: cursor.key, as: UTF8.self)) }
        }
        for run in runs where run.overlaps(first, through: last) {
            try cancellation.check()
            switch run.storage {
            case .segment(let segment, _):
                do { try noteNames(segment, first, last, scope, note, &found) } catch let error as SegmentDamage {
                    report(error)
                }
            case .memtable(let pin, let table):
                for number in 0..<table.resources.count {
                    let resource = table.resources.pointer(number).pointee
                    if resource.tick <= pin.tick { note(.resource, try ResourceBytes(resource.bytes).attributes) }
                }
                for number in 0..<table.scopes.count {
                    let scope = table.scopes.pointer(number).pointee
                    if scope.tick <= pin.tick { note(.instrumentation, try ScopeBytes(scope.bytes).attributes) }
                }
                for number in 0..<table.rows.count {
                    let row = table.rows.pointer(number).pointee
                    guard row.tick <= pin.tick, row.start >= first, row.start <= last else { continue }
                    var reader = ByteReader(row.bytes)
                    let span = try SpanBytes(&reader)
                    note(.span, span.attributes)
                    var events = SpanEventCursor(span.events)
                    while events.next() { note(.event, events.attributes) }
                    var links = SpanLinkCursor(span.links)
                    while links.next() { note(.link, links.attributes) }
                }
            }
        }
        let all = found.flatMap { scope, names in names.map { (scope: scope, name: $0) } }
        let sorted = all.sorted {
            $0.name != $1.name
                ? $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) : $0.scope.rawValue < $1.scope.rawValue
        }
        return Array(sorted.prefix(max(limit, 0)))
    }

    private func noteNames(
        _ segment: TraceSegment, _ first: Int64, _ last: Int64, _ scope: AttributeScope?,
        _ note: (AttributeScope, UnsafeRawBufferPointer) -> Void, _ found: inout [AttributeScope: Set<String>]
    ) throws {
        let index = try segment.index()
        var resources: Set<Int32> = []
        var columns: Set<Int> = []
        for block in index.blocks where block.lastStart >= first && block.firstStart <= last {
            resources.formUnion(block.resources)
            for chunk in block.chunks where chunk.column >= BlockColumn.firstAttribute {
                columns.insert(chunk.column - BlockColumn.firstAttribute)
            }
        }
        for number in resources { note(.resource, try ResourceBytes(index.resources[Int(number)]).attributes) }
        func wants(_ own: AttributeScope) -> Bool { scope == nil || scope == .any || scope == own }
        if wants(.span) {
            for number in columns where index.columns[number].role == .attribute {
                found[.span, default: []].insert(String(decoding: index.columns[number].key, as: UTF8.self))
            }
        }
        for number in 0..<index.keys.count {
            guard let own = index.keys[number].first.flatMap({ AttributeScope(rawValue: $0) }), wants(own) else {
                continue
            }
            found[own, default: []].insert(String(decoding: index.keys[number].dropFirst(), as: UTF8.self))
        }
    }

    // MARK: Values

    func values(
        of field: SpanField, where filter: SpanFilter, range: SpanTimeRange, limit: Int, cancellation: Cancellation
    ) throws -> [SpanValue] {
        guard let (first, last) = clipped(range) else { return [] }
        var found: Set<SpanValue> = []
        var rest: [StoredRun] = []
        if case .everything = filter {
            for run in runs where run.overlaps(first, through: last) {
                try cancellation.check()
                if try !addListed(field, run, first, last, to: &found) { rest.append(run) }
            }
        } else {
            rest = runs
        }
        if !rest.isEmpty {
            let snapshot = SpanEngineSnapshot(rest, retentionStart: retentionStart, report: report)
            let request = SpanRequest(
                filters: [filter], range: range, grouping: .spans, fields: [field], cancellation: cancellation)
            let selection = try snapshot.select(request)
            for part in 0..<selection.partCount {
                let block = try selection.open(part)
                guard block.rowCount > 0 else { continue }
                Self.add(try block.column(field), to: &found)
            }
        }
        return Array(found.sorted(by: Self.precedes).prefix(max(limit, 0)))
    }

    /// Adds the values of a run that its lists tell, without reading spans. False, and nothing is added, where they don't.
    private func addListed(
        _ field: SpanField, _ run: StoredRun, _ first: Int64, _ last: Int64, to found: inout Set<SpanValue>
    ) throws -> Bool {
        guard run.hides.isEmpty else { return false }
        if case .memtable(let pin, let table) = run.storage {
            guard case .attribute(.resource, let key) = field, table.firstStart.load(ordering: .relaxed) >= first,
                table.lastStart.load(ordering: .relaxed) <= last
            else { return false }
            let resources = (0..<table.resources.count).map { table.resources.pointer($0).pointee }
            Self.add(key, resources.filter { $0.tick <= pin.tick }.map(\.bytes), to: &found)
            return true
        }
        guard case .segment(let segment, _) = run.storage else { return false }
        let index: TraceIndex
        do { index = try segment.index() } catch let error as SegmentDamage {
            report(error)
            return true
        }
        var names: Set<Int32> = []
        var resources: Set<Int32> = []
        for block in index.blocks where block.lastStart >= first && block.firstStart <= last {
            // Blocks on the edge have spans on both sides of it.
            guard block.firstStart >= first, block.lastStart <= last else { return false }
            names.formUnion(block.names)
            resources.formUnion(block.resources)
        }
        func addListed(_ key: String) -> Bool {
            let columns = index.attributes[Array(key.utf8), default: []].map { index.columns[$0] }
            if columns.contains(where: { $0.type != .string || $0.isLocal }) { return false }
            if index.columns.contains(where: { $0.role == .rest }) { return false }
            // Blocks outside of the range may be all that have some of them.
            guard segment.footer.firstStart >= first, segment.footer.lastStart <= last else { return columns.isEmpty }
            for column in columns {
                for number in 0..<column.values.count {
                    found.insert(.string(String(decoding: column.values[number], as: UTF8.self)))
                }
            }
            return true
        }
        switch field {
        case .attribute(.span, let key): return addListed(key)
        case .intrinsic(.name):
            for name in names { found.insert(.string(String(decoding: index.names[Int(name)], as: UTF8.self))) }
        case .attribute(.resource, let key):
            Self.add(key, resources.map { index.resources[Int($0)] }, to: &found)
        default: return false
        }
        return true
    }

    /// Adds what resources have of an attribute.
    private static func add(_ key: String, _ resources: [UnsafeRawBufferPointer], to found: inout Set<SpanValue>) {
        let key = Array(key.utf8)
        let values = resources.map { bytes in
            (try? ResourceBytes(bytes)).flatMap { attribute(key, in: $0.attributes) }
        }
        add(SpanColumn.coded(ContiguousArray(0..<Int32(resources.count)), values), to: &found)
    }

    /// Adds the different values of a column but for nil.
    private static func add(_ column: SpanColumn, to found: inout Set<SpanValue>) {
        var seen = [Bool](repeating: false, count: column.texts.count)
        var last: (type: UInt8, word: Int64)?
        for value in column.words.indices {
            let (type, word) = (column.types[value], column.words[value])
            if let last, last.type == type, last.word == word { continue }
            last = (type, word)
            if type == SpanValueType.nil.rawValue { continue }
            if type == SpanValueType.string.rawValue {
                if seen[Int(word)] { continue }
                seen[Int(word)] = true
            }
            found.insert(column.value(value))
        }
    }

    /// By type, then value.
    private static func precedes(_ a: SpanValue, _ b: SpanValue) -> Bool {
        if a.type != b.type { return a.type.rawValue < b.type.rawValue }
        switch (a, b) {
        case (.bool(let x), .bool(let y)): return !x && y
        case (.int(let x), .int(let y)), (.duration(let x), .duration(let y)): return x < y
        case (.float(let x), .float(let y)): return x < y
        case (.string(let x), .string(let y)): return x.utf8.lexicographicallyPrecedes(y.utf8)
        case (.status(let x), .status(let y)): return x.rawValue < y.rawValue
        case (.kind(let x), .kind(let y)): return x.rawValue < y.rawValue
        default: return false
        }
    }
}
