import Bedrock
import Formats
import Model
import Testing

/// Writes Thrift's binary protocol field by field.
private struct ThriftMessage {
    var bytes: [UInt8] = []

    private mutating func begin(_ kind: UInt8, _ id: Int16) {
        bytes.append(kind)
        raw(id)
    }

    private mutating func raw<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.bigEndian) { bytes += $0 }
    }

    mutating func int64(_ id: Int16, _ value: Int64) {
        begin(10, id)
        raw(value)
    }

    mutating func int32(_ id: Int16, _ value: Int32) {
        begin(8, id)
        raw(value)
    }

    mutating func bool(_ id: Int16, _ value: Bool) {
        begin(2, id)
        bytes.append(value ? 1 : 0)
    }

    mutating func double(_ id: Int16, _ value: Double) {
        begin(4, id)
        raw(value.bitPattern)
    }

    mutating func text(_ id: Int16, _ value: String) {
        begin(11, id)
        raw(Int32(value.utf8.count))
        bytes += value.utf8
    }

    mutating func structure(_ id: Int16, _ fill: (inout ThriftMessage) -> Void) {
        begin(12, id)
        element(fill)
    }

    mutating func list(_ id: Int16, _ elements: [(inout ThriftMessage) -> Void]) {
        begin(15, id)
        bytes.append(12)
        raw(Int32(elements.count))
        for fill in elements { element(fill) }
    }

    mutating func element(_ fill: (inout ThriftMessage) -> Void) {
        fill(&self)
        bytes.append(0)
    }

    static func tag(_ key: String, _ value: String) -> (inout ThriftMessage) -> Void {
        {
            $0.text(1, key)
            $0.int32(2, 0)
            $0.text(3, value)
        }
    }
}

@Suite struct JaegerTests {
    private static var example: [UInt8] {
        var message = ThriftMessage()
        message.element { batch in
            batch.list(
                2,
                [
                    { span in
                        span.int64(1, 7)
                        span.int64(2, 6)
                        span.int64(3, 5)
                        span.int64(4, 0)
                        span.text(5, "charge")
                        span.list(
                            6,
                            [
                                {
                                    $0.int32(1, 0); $0.int64(2, 7); $0.int64(3, 6); $0.int64(4, 4)
                                },
                                {
                                    $0.int32(1, 1); $0.int64(2, 70); $0.int64(3, 0); $0.int64(4, 40)
                                },
                            ])
                        span.int32(7, 3)
                        span.int64(8, 1_000)
                        span.int64(9, 20)
                        span.list(
                            10,
                            [
                                ThriftMessage.tag("span.kind", "client"), ThriftMessage.tag("peer", "db"),
                                {
                                    $0.text(1, "error"); $0.int32(2, 2); $0.bool(5, true)
                                },
                                {
                                    $0.text(1, "n"); $0.int32(2, 3); $0.int64(6, -9)
                                },
                                {
                                    $0.text(1, "d"); $0.int32(2, 1); $0.double(4, 0.5)
                                },
                            ])
                        span.list(
                            11,
                            [
                                { log in
                                    log.int64(1, 1_005)
                                    log.list(
                                        2, [ThriftMessage.tag("event", "retry"), ThriftMessage.tag("why", "slow")])
                                }
                            ])
                    },
                    { span in span.int64(1, 7) },
                ])
            batch.structure(1) { process in
                process.text(1, "pay")
                process.list(2, [ThriftMessage.tag("hostname", "h")])
            }
        }
        return message.bytes
    }

    @Test func readsSpans() throws {
        let batch = SpanBatch()
        var decoder = JaegerDecoder()
        let report = try Self.example.withUnsafeBytes { try decoder.decode($0, into: batch) }
        #expect(report.spans == 1 && report.rejected(.badSpanID) == 1)
        let row = batch.rows[0]
        #expect(row.traceID == TraceID(high: 6, low: 7) && row.spanID == SpanID(5) && row.parentID == SpanID(4))
        #expect(row.start == 1_000_000 && row.duration == 20_000 && row.kind == .client && row.status == .error)
        #expect(row.flags == 1 && batch.text(row.name) == "charge")
        #expect(
            batch.attributes(row.attributes) == [
                Attribute("peer", .string("db")), Attribute("n", .int(-9)), Attribute("d", .double(0.5)),
            ])
        #expect(
            batch.attributes(batch.resources[0].attributes) == [
                Attribute("service.name", .string("pay")), Attribute("hostname", .string("h")),
            ])
        batch.withArena { arena in
            var events = SpanEventCursor(arena[row.events])
            let hasEvent = events.next()
            #expect(hasEvent && String(decoding: events.name, as: UTF8.self) == "retry")
            #expect(events.time == 1_005_000 && attributes(events.attributes) == [Attribute("why", .string("slow"))])
            var links = SpanLinkCursor(arena[row.links])
            let hasLink = links.next()
            #expect(hasLink && links.traceID == TraceID(high: 0, low: 70) && links.spanID == SpanID(40))
            let hasMore = links.next()
            #expect(!hasMore)
        }
    }

    @Test(arguments: 0..<300) func survivesAnything(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var bytes = Self.example
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random)
        }
        let cut = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
        var decoder = JaegerDecoder()
        cut.withUnsafeBytes { _ = try? decoder.decode($0, into: SpanBatch()).spans }
    }
}
