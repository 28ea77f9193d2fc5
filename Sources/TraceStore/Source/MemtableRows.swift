import Bedrock
import LSM
import Model

/// Traces of a memtable, by trace and `SpanKey`. One thread at a time.
final class MemtableRows: SpanRows {
    private let table: SpanTable
    /// Keeps the bytes.
    private let pin: SpanMemtablePin
    private var ids: ContiguousArray<TraceID> = []
    private var firsts: ContiguousArray<Int32> = [0]
    private var numbers: ContiguousArray<Int32> = []
    private var parsed: ContiguousArray<SpanBytes>?

    /// - Parameter resources: traces without a span of a resource that may pass are left out; nil: none is.
    init(
        _ pin: SpanMemtablePin, _ table: SpanTable, traces: some Sequence<Int>, resources: ResourceTest? = nil
    ) throws {
        self.pin = pin
        self.table = table
        for trace in traces {
            if let resources {
                let mayPass = try pin.hasRow(of: trace, table) { try resources.mayPass($0.resource, table) }
                if !mayPass { continue }
            }
            let before = numbers.count
            pin.appendRows(of: trace, table, to: &numbers)
            guard numbers.count > before else { continue }
            ids.append(table.traces.pointer(trace).pointee.id)
            firsts.append(Int32(truncatingIfNeeded: numbers.count))
        }
    }

    var rowCount: Int { numbers.count }
    var bytesDecoded: Int { 0 }
    func traceIDs() -> ContiguousArray<TraceID> { ids }
    func traceStarts() -> ContiguousArray<Int32> { firsts }

    func starts() -> ContiguousArray<Int64> {
        ContiguousArray(numbers.map { table.rows.pointer(Int($0)).pointee.start })
    }

    private func spans() throws -> ContiguousArray<SpanBytes> {
        if let parsed { return parsed }
        let made = ContiguousArray(
            try numbers.map { number in
                var reader = ByteReader(table.rows.pointer(Int(number)).pointee.bytes)
                return try SpanBytes(&reader)
            })
        parsed = made
        return made
    }

    func durations() throws -> ContiguousArray<Int64> { ContiguousArray(try spans().map { $0.end &- $0.start }) }
    func spanIDs() throws -> ContiguousArray<UInt64> { ContiguousArray(try spans().map(\.spanID)) }
    func parentIDs() throws -> ContiguousArray<UInt64> { ContiguousArray(try spans().map(\.parentID)) }
    func codes() throws -> ContiguousArray<Int64> {
        ContiguousArray(try spans().map { Int64($0.kind | $0.status << 4) })
    }

    func resourceBytes(_ number: Int) -> UnsafeRawBufferPointer { table.resources.pointer(number).pointee.bytes }
    func scopeBytes(_ number: Int) -> UnsafeRawBufferPointer { table.scopes.pointer(number).pointee.bytes }

    func forEachSpan(_ range: Range<Int>, _ body: (Int, SpanBytes) throws -> Void) throws {
        for at in range {
            let row = table.rows.pointer(Int(numbers[at])).pointee
            var reader = ByteReader(row.bytes)
            var span = try SpanBytes(&reader)
            span.resource = row.resource
            span.scope = row.scope
            try body(at, span)
        }
    }

    func rows(whereResource test: (UnsafeRawBufferPointer) -> Bool) -> ContiguousArray<UInt8> {
        var known: [Int32: UInt8] = [:]
        return ContiguousArray(
            numbers.map { number in
                let resource = table.rows.pointer(Int(number)).pointee.resource
                if let verdict = known[resource] { return verdict }
                let verdict: UInt8 = test(resourceBytes(Int(resource))) ? 1 : 0
                known[resource] = verdict
                return verdict
            })
    }

    // MARK: Fields

    func column(_ field: SpanField) throws -> SpanColumn {
        let spans = try spans()
        switch field {
        case .intrinsic(let intrinsic):
            if let common = try SpanFieldColumns.common(intrinsic, self) { return common }
            switch intrinsic {
            case .name: return texts(spans.map(\.name), emptyIsNil: false)
            case .statusMessage: return texts(spans.map(\.statusMessage), emptyIsNil: true)
            case .scopeName:
                return ofScopes { $0.name.isEmpty ? nil : AttributeBytes(type: .string, payload: $0.name) }
            case .scopeVersion:
                return ofScopes { $0.version.isEmpty ? nil : AttributeBytes(type: .string, payload: $0.version) }
            case .eventName, .eventTimeSinceStart:
                return SpanFieldColumns.events(field, starts: starts()) { spans[$0].events }
            case .linkTraceID, .linkSpanID:
                return SpanFieldColumns.links(field, rowCount: rowCount) { spans[$0].links }
            default: throw FieldNeedsTrace()
            }
        case .attribute(let scope, let name):
            let key = Array(name.utf8)
            switch scope {
            case .span: return .of(rowCount) { attribute(key, in: spans[$0].attributes) }
            case .resource: return ofResources { attribute(key, in: $0.attributes) }
            case .instrumentation: return ofScopes { attribute(key, in: $0.attributes) }
            case .event: return SpanFieldColumns.events(field, starts: starts()) { spans[$0].events }
            case .link: return SpanFieldColumns.links(field, rowCount: rowCount) { spans[$0].links }
            case .any:
                return SpanColumn.of(rowCount) { attribute(key, in: spans[$0].attributes) }
                    .orElse(ofResources { attribute(key, in: $0.attributes) })
            }
        }
    }

    private func texts(_ texts: [UnsafeRawBufferPointer], emptyIsNil: Bool) -> SpanColumn {
        .of(rowCount) { row in
            emptyIsNil && texts[row].count == 0 ? nil : AttributeBytes(type: .string, payload: texts[row])
        }
    }

    private func ofResources(_ value: (ResourceBytes) -> AttributeBytes?) -> SpanColumn {
        coded({ $0.resource }) { (try? ResourceBytes(resourceBytes($0))).flatMap(value) }
    }

    private func ofScopes(_ value: (ScopeBytes) -> AttributeBytes?) -> SpanColumn {
        coded({ $0.scope }) { (try? ScopeBytes(scopeBytes($0))).flatMap(value) }
    }

    /// A column of values that resources or scopes have.
    private func coded(_ number: (SpanTable.Row) -> Int32, _ value: (Int) -> AttributeBytes?) -> SpanColumn {
        var codes: ContiguousArray<Int32> = []
        var known: [Int32: Int32] = [:]
        var values: [AttributeBytes?] = []
        for row in numbers {
            let number = number(table.rows.pointer(Int(row)).pointee)
            if known[number] == nil {
                known[number] = Int32(truncatingIfNeeded: values.count)
                values.append(value(Int(number)))
            }
            codes.append(known[number] ?? 0)
        }
        return .coded(codes, values)
    }
}
