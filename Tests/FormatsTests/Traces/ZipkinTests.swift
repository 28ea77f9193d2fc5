import Bedrock
import Formats
import Model
import Testing

@Suite struct ZipkinTests {
    private func decode(_ json: String) throws -> (batch: SpanBatch, report: SpanDecodeReport) {
        let batch = SpanBatch()
        var decoder = ZipkinDecoder()
        let report = try Array(json.utf8).withUnsafeBytes { try decoder.decode($0, arrival: 9_000, into: batch) }
        return (batch, report)
    }

    private static let example = #"""
        [{"traceId":"5982fe77008310cc80f1da5e10147517","parentId":"90394f6bcffb5d13","id":"67fae42571535f60","kind":"SERVER",
          "name":"/m/n/2.6.1","timestamp":1516781775726000,"duration":26000,"localEndpoint":{"serviceName":"api","ipv4":"10.0.0.1","port":80},
          "remoteEndpoint":{"serviceName":"apip","ipv6":"::1"},"annotations":[{"timestamp":1516781775726500,"value":"wrote \"it\""}],
          "tags":{"http.status_code":"500","error":"timed out","otel.scope.name":"lib"}},
         {"traceId":"80f1da5e10147517","id":"1","name":"get","localEndpoint":{"serviceName":"api"}},
         {"traceId":"80f1da5e10147517","id":"1","shared":true,"kind":"SERVER","timestamp":5},
         {"traceId":"","id":"1"}]
        """#

    @Test func readsSpans() throws {
        let (batch, report) = try decode(Self.example)
        #expect(report.spans == 3 && report.rejected(.badTraceID) == 1)
        let row = batch.rows[0]
        #expect(row.traceID.description == "5982fe77008310cc80f1da5e10147517" && row.kind == .server)
        #expect(row.parentID.description == "90394f6bcffb5d13" && row.duration == 26_000_000)
        #expect(row.status == .error && batch.text(row.statusMessage) == "timed out")
        #expect(batch.text(batch.scopes[Int(row.scope)].name) == "lib")
        #expect(
            batch.attributes(row.attributes) == [
                Attribute("http.status_code", .string("500")), Attribute("network.local.address", .string("10.0.0.1")),
                Attribute("network.local.port", .int(80)), Attribute("peer.service", .string("apip")),
                Attribute("network.peer.address", .string("::1")),
            ])
        #expect(
            batch.attributes(batch.resources[Int(row.resource)].attributes) == [
                Attribute("service.name", .string("api"))
            ])
        batch.withArena { arena in
            var events = SpanEventCursor(arena[row.events])
            let hasEvent = events.next()
            #expect(hasEvent && events.time == 1_516_781_775_726_500_000)
            #expect(String(decoding: events.name, as: UTF8.self) == #"wrote "it""#)
        }
        #expect(batch.rows[1].start == 9_000 && batch.rows[1].resource == row.resource)
        #expect(batch.rows[1].traceID.description == "000000000000000080f1da5e10147517")
        // The server's half of a shared span is a span of its own, below the client's.
        #expect(batch.rows[2].parentID == batch.rows[1].spanID && batch.rows[2].spanID != batch.rows[1].spanID)
    }

    @Test(arguments: 0..<200) func survivesAnything(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var bytes = Array(Self.example.utf8)
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random)
        }
        let cut = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
        var decoder = ZipkinDecoder()
        cut.withUnsafeBytes { _ = try? decoder.decode($0, arrival: 0, into: SpanBatch()).spans }
    }
}
