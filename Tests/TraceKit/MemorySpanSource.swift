import Bedrock
import Model
import Synchronization

/// A source of spans that answers from a list, row by row. Thread-safe.
public struct MemorySpanSource: SpanSource {
    public let facts: SpanFacts
    /// Traces, or single spans, of one part.
    public let partRows: Int
    /// Columns have each text once, or once a row.
    public let sharesTexts: Bool
    /// Parts that were opened.
    public let opened = OpenedParts()

    public init(_ spans: [TestSpan], partRows: Int = 4, sharesTexts: Bool = true) {
        facts = SpanFacts(spans)
        self.partRows = partRows
        self.sharesTexts = sharesTexts
    }

    public func snapshot(tenant: Tenant) throws -> any SpanSnapshot { MemorySpanSnapshot(source: self) }
}

/// A counter.
public final class OpenedParts: Sendable {
    private let counter = Atomic<Int>(0)
    public var count: Int { counter.load(ordering: .relaxed) }
    func add() { counter.add(1, ordering: .relaxed) }
}

private struct MemorySpanSnapshot: SpanSnapshot {
    let source: MemorySpanSource
    private var facts: SpanFacts { source.facts }

    init(source: MemorySpanSource) { self.source = source }

    func trace(
        _ id: TraceID, range: SpanTimeRange, into batch: SpanBatch, bytesMax: Int, cancellation: Cancellation
    ) throws -> Bool {
        for index in facts.members[id] ?? [] { facts.spans[index].append(to: batch) }
        return true
    }

    func select(_ request: SpanRequest) throws -> any SpanSelection {
        precondition((1...64).contains(request.filters.count), "\(request.filters.count) filters")
        try request.cancellation.check()
        var passing: [Int] = []
        for index in facts.spans.indices where request.range.contains(facts.spans[index].start) {
            if request.filters.contains(where: { facts.passes($0, index) }) { passing.append(index) }
        }
        var parts: [[[Int]]] = []
        if request.grouping == .spans {
            // By trace id, as a store has them.
            let sorted = passing.sorted {
                (facts.spans[$0].traceID, facts.spans[$0].spanID) < (facts.spans[$1].traceID, facts.spans[$1].spanID)
            }
            for start in stride(from: 0, to: sorted.count, by: source.partRows) {
                parts.append([Array(sorted[start..<min(start + source.partRows, sorted.count)])])
            }
        } else {
            let wanted = Set(passing)
            var traces = Set(passing.map { facts.spans[$0].traceID }).map { id -> [Int] in
                let rows = facts.members[id] ?? []
                return request.grouping == .wholeTraces ? rows : rows.filter(wanted.contains)
            }
            traces.sort { facts.spans[$0[0]].start > facts.spans[$1[0]].start }
            for start in stride(from: 0, to: traces.count, by: source.partRows) {
                let part = traces[start..<min(start + source.partRows, traces.count)]
                parts.append(part.sorted { facts.spans[$0[0]].traceID < facts.spans[$1[0]].traceID })
            }
        }
        return MemorySpanSelection(source: source, request: request, parts: parts)
    }

    func attributeNames(
        scope: AttributeScope?, range: SpanTimeRange, limit: Int, cancellation: Cancellation
    ) throws -> [(scope: AttributeScope, name: String)] {
        var found: Set<SpanField> = []
        for span in facts.spans where range.contains(span.start) {
            for name in span.attributes.keys { found.insert(.attribute(.span, name)) }
            for name in span.resource.keys { found.insert(.attribute(.resource, name)) }
        }
        let pairs = found.compactMap { field -> (scope: AttributeScope, name: String)? in
            guard case .attribute(let owner, let name) = field, scope == nil || owner == scope else { return nil }
            return (owner, name)
        }
        return Array(pairs.sorted { ($0.scope.rawValue, $0.name) < ($1.scope.rawValue, $1.name) }.prefix(limit))
    }

    func values(
        of field: SpanField, where filter: SpanFilter, range: SpanTimeRange, limit: Int, cancellation: Cancellation
    ) throws -> [SpanValue] {
        var found: Set<SpanValue> = []
        for index in facts.spans.indices where range.contains(facts.spans[index].start) && facts.passes(filter, index) {
            found.formUnion(facts.values(field, index))
        }
        return Array(found.sorted { "\($0)" < "\($1)" }.prefix(limit))
    }
}

private struct MemorySpanSelection: SpanSelection {
    let source: MemorySpanSource
    let request: SpanRequest
    /// Rows of each trace of each part.
    let parts: [[[Int]]]

    var partCount: Int { parts.count }
    var statistics: SpanScanStatistics { SpanScanStatistics() }

    func open(_ part: Int) throws -> any SpanBlock {
        try request.cancellation.check()
        source.opened.add()
        let block = MemorySpanBlock(source, request, parts[part])
        try request.budget.charge(block.rowCount)
        return block
    }
}

private final class MemorySpanBlock: SpanBlock {
    private let source: MemorySpanSource
    private let request: SpanRequest
    private let rows: [Int]
    private let ids: [TraceID]
    let traceStarts: [Int]
    private var masks: [Int: UnsafeMutableBufferPointer<UInt8>] = [:]
    private var columns: [SpanField: SpanColumn] = [:]
    private var times: UnsafeMutableBufferPointer<Int64>?
    private var up: UnsafeMutableBufferPointer<Int32>?
    private var facts: SpanFacts { source.facts }

    init(_ source: MemorySpanSource, _ request: SpanRequest, _ traces: [[Int]]) {
        self.source = source
        self.request = request
        rows = traces.flatMap { $0 }
        if request.grouping == .spans {
            traceStarts = []
            ids = []
        } else {
            var starts = [0]
            for trace in traces { starts.append((starts.last ?? 0) + trace.count) }
            traceStarts = starts
            ids = traces.map { source.facts.spans[$0[0]].traceID }
        }
    }

    deinit {
        masks.values.forEach { $0.deallocate() }
        times?.deallocate()
        up?.deallocate()
    }

    var rowCount: Int { rows.count }
    func summary(_ index: Int) throws -> TraceSummary { facts.summary(ids[index]) }

    func passes(_ index: Int) throws -> UnsafeBufferPointer<UInt8> {
        if let known = masks[index] { return UnsafeBufferPointer(known) }
        let mask = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: rows.count)
        _ = mask.initialize(from: rows.map { facts.passes(request.filters[index], $0) ? 1 : 0 })
        masks[index] = mask
        return UnsafeBufferPointer(mask)
    }

    func starts() throws -> UnsafeBufferPointer<Int64> {
        if let times { return UnsafeBufferPointer(times) }
        let made = UnsafeMutableBufferPointer<Int64>.allocate(capacity: rows.count)
        _ = made.initialize(from: rows.map { facts.spans[$0].start })
        times = made
        return UnsafeBufferPointer(made)
    }

    func parents() throws -> UnsafeBufferPointer<Int32> {
        precondition(request.grouping == .wholeTraces, "parents of spans that are not whole traces")
        if let up { return UnsafeBufferPointer(up) }
        var places: [Int: Int32] = [:]
        for (place, row) in rows.enumerated() { places[row] = Int32(place) }
        let made = UnsafeMutableBufferPointer<Int32>.allocate(capacity: rows.count)
        _ = made.initialize(from: rows.map { row in facts.parents[row].flatMap { places[$0] } ?? -1 })
        up = made
        return UnsafeBufferPointer(made)
    }

    func column(_ field: SpanField) throws -> SpanColumn {
        guard request.fields.contains(field) else { throw UnwantedField(field: field) }
        if let known = columns[field] { return known }
        let column = SpanColumn(rowCount: rows.count)
        let found = rows.map { facts.values(field, $0) }
        if found.allSatisfy({ $0.count <= 1 }) {
            for values in found { append(values.first ?? .nil, to: column) }
        } else {
            for values in found {
                column.beginRow()
                for value in values { append(value, to: column) }
            }
            column.endRows()
        }
        columns[field] = column
        return column
    }

    private func append(_ value: SpanValue, to column: SpanColumn) {
        guard !source.sharesTexts, case .string(var text) = value else { return column.append(value) }
        let number = text.withUTF8 { column.appendText(UnsafeRawBufferPointer($0)) }
        column.append(.string, number)
    }
}

/// A column was asked for that the request didn't name.
public struct UnwantedField: Error, CustomStringConvertible {
    public let field: SpanField
    public var description: String { "\(field) was not asked for" }
}

extension TestSpan {
    /// Appends the span as a receiver would.
    public func append(to batch: SpanBatch) {
        var resource = SpanBatch.Resource()
        resource.attributes = batch.write { $0.append(self.resource) }
        let resourceNumber = batch.append(resource)
        var scope = SpanBatch.Scope()
        scope.name = batch.write { $0.append(utf8: scopeName) }
        scope.version = batch.write { $0.append(utf8: scopeVersion) }
        scope.attributes = batch.write { $0.append(scopeAttributes) }
        let scopeNumber = batch.append(scope)
        var row = SpanBatch.Row(
            traceID: traceID, spanID: spanID, parentID: parentID, start: start, end: end, resource: resourceNumber,
            scope: scopeNumber)
        row.kind = kind
        row.status = status
        row.name = batch.write { $0.append(utf8: name) }
        row.statusMessage = batch.write { $0.append(utf8: statusMessage) }
        row.attributes = batch.write { $0.append(attributes) }
        row.events = batch.write { out in
            for event in events {
                var own = ByteBuffer()
                own.append(event.attributes)
                var name = event.name
                name.withUTF8 {
                    out.append(
                        eventAt: start + event.timeSinceStart, name: UnsafeRawBufferPointer($0), attributes: own.bytes)
                }
            }
        }
        row.links = batch.write { out in
            for link in links {
                var own = ByteBuffer()
                own.append(link.attributes)
                out.append(
                    linkTo: link.traceID, link.spanID, traceState: UnsafeRawBufferPointer(start: nil, count: 0),
                    attributes: own.bytes)
            }
        }
        batch.append(row)
    }
}

extension ByteBuffer {
    fileprivate mutating func append(_ attributes: [String: AttributeValue]) {
        for (key, value) in attributes.sorted(by: { $0.key < $1.key }) { append(attribute: key, value) }
    }
}
