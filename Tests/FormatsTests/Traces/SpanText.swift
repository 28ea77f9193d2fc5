import Bedrock
import Model

/// A batch in words, for comparing: a line a span, with all that belongs to it.
func spanText(_ batch: SpanBatch) -> [String] {
    batch.withArena { arena in
        batch.rows.map { row in
            let resource = batch.resources[Int(row.resource)]
            let scope = batch.scopes[Int(row.scope)]
            var parts = [
                "\(row.traceID) \(row.spanID) <- \(row.parentID) \(row.start)...\(row.end) \(row.kind) \(row.status) \(row.flags)",
                "name \(Array(arena[row.name])) state \(Array(arena[row.traceState])) message \(Array(arena[row.statusMessage]))",
                "dropped \(row.droppedAttributes) \(row.droppedEvents) \(row.droppedLinks)",
                "attributes \(attributes(arena[row.attributes]))",
                "resource \(attributes(arena[resource.attributes])) \(resource.droppedAttributes) \(batch.text(resource.schemaURL))",
                "scope \(batch.text(scope.name)) \(batch.text(scope.version)) \(attributes(arena[scope.attributes])) \(scope.droppedAttributes) \(batch.text(scope.schemaURL))",
            ]
            var events = SpanEventCursor(arena[row.events])
            while events.next() {
                parts.append(
                    "event \(events.time) \(Array(events.name)) \(attributes(events.attributes)) \(events.droppedAttributes)"
                )
            }
            var links = SpanLinkCursor(arena[row.links])
            while links.next() {
                parts.append(
                    "link \(links.traceID) \(links.spanID) \(links.flags) \(Array(links.traceState)) \(attributes(links.attributes)) \(links.droppedAttributes)"
                )
            }
            return parts.joined(separator: " | ")
        }
    }
}

/// Spans of every shape.
struct RandomSpans {
    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func batch(spans: Int) -> SpanBatch {
        let batch = SpanBatch()
        while batch.rowCount < spans {
            let resource = self.resource(batch)
            let scope = self.scope(batch)
            for _ in 0..<Int.random(in: 1...4, using: &random) { span(batch, resource, scope) }
        }
        return batch
    }

    private mutating func resource(_ batch: SpanBatch) -> Int32 {
        var resource = SpanBatch.Resource()
        resource.attributes = attributes(batch, prefix: "resource.")
        if Bool.random(using: &random) { resource.schemaURL = batch.write { $0.append(utf8: "https://schema/1") } }
        resource.droppedAttributes = UInt32.random(in: 0...1, using: &random)
        return batch.append(resource)
    }

    private mutating func scope(_ batch: SpanBatch) -> Int32 {
        var scope = SpanBatch.Scope()
        if Bool.random(using: &random) { scope.name = batch.write { $0.append(utf8: "lib") } }
        if Bool.random(using: &random) { scope.version = batch.write { $0.append(utf8: "1.2") } }
        scope.attributes = attributes(batch, prefix: "scope.")
        return batch.append(scope)
    }

    private mutating func span(_ batch: SpanBatch, _ resource: Int32, _ scope: Int32) {
        let start = Int64.random(in: 0...Int64.max / 2, using: &random)
        var row = SpanBatch.Row(
            traceID: TraceID(
                high: .random(in: 0...3, using: &random), low: .random(in: 1...UInt64.max, using: &random)),
            spanID: SpanID(.random(in: 1...UInt64.max, using: &random)),
            parentID: SpanID(Bool.random(using: &random) ? 0 : .random(in: 1...UInt64.max, using: &random)),
            start: start, end: start + Int64.random(in: 0...1_000_000_000, using: &random), resource: resource,
            scope: scope)
        row.name = batch.write { $0.append(utf8: "operation \(UInt8.random(in: 0...9, using: &random))") }
        row.kind = SpanKind.allCases.randomElement(using: &random) ?? .server
        row.status = SpanStatus.allCases.randomElement(using: &random) ?? .ok
        row.flags = UInt32.random(in: 0...0x3ff, using: &random)
        if Bool.random(using: &random) { row.statusMessage = batch.write { $0.append(utf8: "it failed") } }
        if Bool.random(using: &random) { row.traceState = batch.write { $0.append(utf8: "a=b,c=d") } }
        row.attributes = attributes(batch, prefix: "")
        row.droppedLinks = UInt32.random(in: 0...2, using: &random)
        row.droppedEvents = UInt32.random(in: 0...2, using: &random)
        row.droppedAttributes = UInt32.random(in: 0...2, using: &random)
        var events = ByteBuffer()
        for number in 0..<Int.random(in: 0...3, using: &random) {
            let name = Array("event \(number)".utf8)
            let inner = encoded(prefix: "event.")
            name.withUnsafeBytes { name in
                inner.withUnsafeBytes { inner in
                    events.append(
                        eventAt: start + Int64(number), name: name, droppedAttributes: UInt32(number), attributes: inner
                    )
                }
            }
        }
        row.events = batch.write(events.bytes)
        var links = ByteBuffer()
        for number in 0..<Int.random(in: 0...2, using: &random) {
            let inner = encoded(prefix: "link.")
            inner.withUnsafeBytes { inner in
                links.append(
                    linkTo: TraceID(high: 1, low: UInt64(number + 1)), SpanID(UInt64(number + 1)),
                    flags: UInt32(number),
                    traceState: UnsafeRawBufferPointer(start: nil, count: 0), droppedAttributes: 3, attributes: inner)
            }
        }
        row.links = batch.write(links.bytes)
        batch.append(row)
    }

    private mutating func attributes(_ batch: SpanBatch, prefix: String) -> ByteRange {
        let bytes = encoded(prefix: prefix)
        return bytes.withUnsafeBytes { batch.write($0) }
    }

    private mutating func encoded(prefix: String) -> [UInt8] {
        var buffer = ByteBuffer()
        for number in 0..<Int.random(in: 0...5, using: &random) {
            buffer.append(attribute: "\(prefix)key\(number)", value(depth: 0))
        }
        return buffer.array()
    }

    mutating func value(depth: Int) -> AttributeValue {
        switch Int.random(in: 0...(depth < 3 ? 9 : 6), using: &random) {
        case 0: return .empty
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .int(Int64.random(in: .min ... .max, using: &random))
        case 3: return .double(Double(Int.random(in: -1000...1000, using: &random)) / 8)
        case 4:
            return .bytes(
                (0..<Int.random(in: 0...5, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
        case 7:
            var elements: [AttributeValue] = []
            for _ in 0..<Int.random(in: 0...3, using: &random) { elements.append(value(depth: depth + 1)) }
            return .array(elements)
        case 8:
            var members: [Attribute] = []
            for number in 0..<Int.random(in: 0...3, using: &random) {
                members.append(Attribute("m\(number)", value(depth: depth + 1)))
            }
            return .map(members)
        default: return .string(["", "text", "grüße 🎉", "\"quoted\"\n"].randomElement(using: &random) ?? "")
        }
    }
}
