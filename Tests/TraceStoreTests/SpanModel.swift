import Bedrock
import Model

@testable import TraceStore

/// A span with everything it has, compared as a whole.
struct PlainSpan: Equatable {
    var traceID: TraceID
    var spanID: UInt64
    var parentID: UInt64
    var start: Int64
    var end: Int64
    var kind: SpanKind
    var status: SpanStatus
    var flags: UInt32 = 0
    var name: String
    var statusMessage = ""
    var traceState = ""
    var attributes: [Attribute] = []
    var events: [UInt8] = []
    var links: [UInt8] = []
    var dropped: [UInt32] = [0, 0, 0]
    var resource: [Attribute]
    var resourceSchema = ""
    var scope: String
    var scopeVersion = ""
    var scopeAttributes: [Attribute] = []

    var key: SpanKey { SpanKey(start: start, spanID: spanID, kind: kind.rawValue) }

    /// All spans of a batch.
    static func read(_ batch: SpanBatch) -> [PlainSpan] {
        batch.withArena { arena in
            batch.rows.map { row in
                let resource = batch.resources[Int(row.resource)]
                let scope = batch.scopes[Int(row.scope)]
                return PlainSpan(
                    traceID: row.traceID, spanID: row.spanID.value, parentID: row.parentID.value, start: row.start,
                    end: row.end, kind: row.kind, status: row.status, flags: row.flags, name: batch.text(row.name),
                    statusMessage: batch.text(row.statusMessage), traceState: batch.text(row.traceState),
                    attributes: batch.attributes(row.attributes), events: Array(arena[row.events]),
                    links: Array(arena[row.links]),
                    dropped: [row.droppedAttributes, row.droppedEvents, row.droppedLinks],
                    resource: batch.attributes(resource.attributes), resourceSchema: batch.text(resource.schemaURL),
                    scope: batch.text(scope.name), scopeVersion: batch.text(scope.version),
                    scopeAttributes: batch.attributes(scope.attributes))
            }
        }
    }

    func append(to batch: SpanBatch) {
        var resource = SpanBatch.Resource()
        resource.attributes = batch.write { for one in self.resource { $0.append(attribute: one.key, one.value) } }
        resource.schemaURL = batch.write { $0.append(utf8: resourceSchema) }
        var scope = SpanBatch.Scope()
        scope.name = batch.write { $0.append(utf8: self.scope) }
        scope.version = batch.write { $0.append(utf8: scopeVersion) }
        scope.attributes = batch.write { for one in scopeAttributes { $0.append(attribute: one.key, one.value) } }
        var row = SpanBatch.Row(
            traceID: traceID, spanID: SpanID(spanID), parentID: SpanID(parentID), start: start, end: end,
            resource: batch.append(resource), scope: batch.append(scope))
        row.kind = kind
        row.status = status
        row.flags = flags
        row.name = batch.write { $0.append(utf8: name) }
        row.statusMessage = batch.write { $0.append(utf8: statusMessage) }
        row.traceState = batch.write { $0.append(utf8: traceState) }
        row.attributes = batch.write { for one in attributes { $0.append(attribute: one.key, one.value) } }
        row.events = batch.write { $0.append(events) }
        row.links = batch.write { $0.append(links) }
        (row.droppedAttributes, row.droppedEvents, row.droppedLinks) = (dropped[0], dropped[1], dropped[2])
        batch.append(row)
    }
}

extension SpanBatch {
    convenience init(_ spans: [PlainSpan]) {
        self.init()
        for span in spans { span.append(to: self) }
    }
}

/// Random spans that have everything spans can have, some of it rarely.
struct SpanGenerator {
    var random: SeededGenerator
    var now: Int64 = 1_700_000_000_000_000_000
    /// Traces that may still get late spans.
    private var open: [PlainSpan] = []

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    mutating func pick<T>(_ all: [T]) -> T { all[Int.random(in: 0..<all.count, using: &random)] }
    mutating func int(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &random) }

    mutating func value(depth: Int = 2) -> AttributeValue {
        switch int(0...(depth > 0 ? 9 : 6)) {
        case 0: .string(pick(["a", "b", "c", ""]))
        case 1: .string("u\(int(0...5000))")
        case 2: .int(pick([0, 200, 500, -1, .max, .min, int(0...1_000_000)]))
        case 3: .bool(chance(50))
        case 4: .double(pick([0, 1.5, -0.0, .infinity, 1e300, 3]))
        case 5: .bytes((0..<int(0...5)).map { _ in UInt8(int(0...255)) })
        case 6: .empty
        case 7: .array((0..<int(0...3)).map { _ in value(depth: depth - 1) })
        case 8: .map((0..<int(0...2)).map { _ in Attribute(pick(["x", "y"]), value(depth: depth - 1)) })
        default: .string(hex())
        }
    }

    private mutating func hex() -> String { SpanID(random.next()).description }

    mutating func attributes() -> [Attribute] {
        var list: [Attribute] = [Attribute("http.method", .string(pick(["GET", "POST"])))]
        if chance(80) { list.append(Attribute("status", .int(pick([200, 200, 404, 500])))) }
        if chance(30) { list.append(Attribute("user", .string("u\(int(0...300))"))) }
        if chance(10) { list.append(Attribute("mixed", value())) }
        if chance(3) { list.append(Attribute("http.method", value())) }
        if chance(5) { list.append(Attribute("rare.\(int(0...(chance(20) ? 600 : 6)))", value())) }
        return list
    }

    mutating func span(trace: TraceID, parent: UInt64, start: Int64) -> PlainSpan {
        let service = pick(["cart", "pay", "web"])
        var resource = [Attribute("service.name", .string(service)), Attribute("host", .string("h\(int(0...2))"))]
        if chance(5) { resource.append(Attribute("pid", .int(int(1...3)))) }
        var span = PlainSpan(
            traceID: trace, spanID: random.next() | 1, parentID: parent, start: start,
            end: start + int(chance(2) ? -5...0 : 0...50_000_000), kind: pick(SpanKind.allCases),
            status: chance(10) ? .error : pick([.unset, .ok]),
            name: chance(3) ? "odd \(int(0...10_000))" : pick(["GET /", "SELECT", "charge", "publish"]),
            attributes: chance(3) ? [] : attributes(), resource: resource, scope: pick(["lib", "", "other"]))
        if chance(20) { span.flags = UInt32(int(0...0x3FF)) }
        if span.status == .error, chance(80) { span.statusMessage = pick(["deadline", "reset by peer"]) }
        if chance(3) { span.traceState = "k=v" }
        if chance(3) { span.dropped = [UInt32(int(0...3)), UInt32(int(0...3)), 0] }
        if chance(2) { (span.resourceSchema, span.scopeVersion) = ("https://schema", "1.\(int(0...3))") }
        if chance(2) { span.scopeAttributes = [Attribute("scope.key", value(depth: 0))] }
        if chance(8) {
            var bytes = ByteBuffer()
            for _ in 0..<int(1...3) {
                var own = ByteBuffer()
                own.append(attribute: "exception.type", .string(pick(["IO", "OOM"])))
                Array("exception".utf8).withUnsafeBytes {
                    bytes.append(eventAt: start + int(0...1000), name: $0, attributes: own.bytes)
                }
            }
            span.events = bytes.array()
        }
        if chance(4) {
            var bytes = ByteBuffer()
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            bytes.append(
                linkTo: TraceID(high: random.next(), low: random.next()), SpanID(random.next()), traceState: none,
                attributes: none)
            span.links = bytes.array()
        }
        return span
    }

    /// Some traces, late spans of traces before, and repeats.
    mutating func batch(traces: Int) -> [PlainSpan] {
        var spans: [PlainSpan] = []
        for _ in 0..<traces {
            now += int(0...40_000_000)
            let id = TraceID(high: random.next(), low: random.next())
            var own = [span(trace: id, parent: chance(5) ? random.next() : 0, start: now)]
            for _ in 0..<int(0...(chance(3) ? 60 : 12)) {
                let parent = pick(own)
                own.append(
                    span(
                        trace: id, parent: chance(3) ? random.next() : parent.spanID,
                        start: parent.start + int(-10...9_000_000)))
            }
            spans += own
            if chance(10) { open.append(pick(own)) }
        }
        for late in open where chance(20) {
            spans.append(span(trace: late.traceID, parent: late.spanID, start: late.start + int(0...1_000_000)))
        }
        if chance(50) {
            for _ in 0..<3 { spans.append(pick(spans)) }
            var changed = pick(spans)
            changed.end += 5
            spans.append(changed)
        }
        return spans
    }
}

/// What must be served.
struct SpanModel {
    private(set) var traces: [TraceID: [PlainSpan]] = [:]

    mutating func apply(_ spans: [PlainSpan]) {
        for span in spans {
            var own = traces[span.traceID, default: []]
            own.removeAll { $0.key == span.key }
            own.append(span)
            own.sort { $0.key < $1.key }
            traces[span.traceID] = own
        }
    }

    var spans: [PlainSpan] { traces.values.flatMap { $0 } }
}

// MARK: Values

extension PlainSpan {
    /// Values of a field as a query has them; `traceSpans` is the whole trace.
    func values(_ field: SpanField) -> [SpanValue] {
        switch field {
        case .intrinsic(.name): [.string(name)]
        case .intrinsic(.kind): [.kind(kind)]
        case .intrinsic(.status): [.status(status)]
        case .intrinsic(.duration): [.duration(max(0, end - start))]
        case .intrinsic(.statusMessage): statusMessage.isEmpty ? [] : [.string(statusMessage)]
        case .intrinsic(.scopeName): scope.isEmpty ? [] : [.string(scope)]
        case .intrinsic(.eventName): events.isEmpty ? [] : ["exception"].map { .string($0) }
        case .attribute(.span, let key): Self.values(key, attributes)
        case .attribute(.resource, let key): Self.values(key, resource)
        case .attribute(.any, let key):
            Self.values(key, attributes).contains { $0 != .nil }
                ? Self.values(key, attributes) : Self.values(key, resource)
        case .attribute(.event, let key): events.isEmpty ? [] : eventValues(key)
        default: []
        }
    }

    private func eventValues(_ key: String) -> [SpanValue] {
        events.withUnsafeBytes { bytes in
            var values: [SpanValue] = []
            var cursor = SpanEventCursor(bytes)
            while cursor.next() { values += Self.values(key, Model.attributes(cursor.attributes)) }
            return values
        }
    }

    private static func values(_ key: String, _ list: [Attribute]) -> [SpanValue] {
        guard let value = list.first(where: { $0.key == key })?.value else { return [] }
        if case .array(let all) = value { return all.map(scalar) }
        return [scalar(value)]
    }

    private static func scalar(_ value: AttributeValue) -> SpanValue {
        switch value {
        case .string(let text): .string(text)
        case .bool(let flag): .bool(flag)
        case .int(let number): .int(number)
        case .double(let number): .float(number)
        case .empty, .bytes, .array, .map: .nil
        }
    }
}

extension SpanFilter {
    /// Judges plain spans, one by one.
    func passes(_ span: PlainSpan) throws -> Bool {
        try evaluate(rowCount: 1) { field in
            let column = SpanColumn(rowCount: 1)
            column.beginRow()
            for value in span.values(field) where value != .nil { column.append(value) }
            column.endRows()
            return column
        } == [1]
    }
}
