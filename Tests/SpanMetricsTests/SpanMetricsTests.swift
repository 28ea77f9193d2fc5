import Bedrock
import Instruments
import Model
import SpanMetrics
import Testing

@Suite struct RedMetricsTests {
    @Test func countsByServiceNameKindAndStatus() {
        let bench = Bench()
        for id in 1...5 {
            bench.send(
                TestSpan(name: "GET /", kind: .server, id: UInt64(id), milliseconds: Int64(id) * 3),
                TestSpan(service: "cart", name: "GET /", kind: .server, id: UInt64(100 + id), status: .error))
        }
        bench.metrics.flush()
        let shop: KeyValuePairs = [
            "service": "shop", "span_name": "GET /", "span_kind": "SPAN_KIND_SERVER",
            "status_code": "STATUS_CODE_UNSET",
        ]
        #expect(bench.memory.value("traces_spanmetrics_calls_total", shop) == 5)
        #expect(bench.memory.value("traces_spanmetrics_latency_count", shop) == 5)
        let sum = bench.memory.value("traces_spanmetrics_latency_sum", shop) ?? 0
        #expect(abs(sum - 0.045) < 1e-12)
        let upToFour: KeyValuePairs = [
            "service": "shop", "span_name": "GET /", "span_kind": "SPAN_KIND_SERVER",
            "status_code": "STATUS_CODE_UNSET",
            "le": "0.008",
        ]
        #expect(bench.memory.value("traces_spanmetrics_latency_bucket", upToFour) == 2)
        #expect(
            bench.memory.value(
                "traces_spanmetrics_calls_total",
                [
                    "service": "cart", "span_name": "GET /", "span_kind": "SPAN_KIND_SERVER",
                    "status_code": "STATUS_CODE_ERROR",
                ]) == 5)
    }

    @Test func beginsWithZeroAndEndsWithStaleMarker() throws {
        let bench = Bench()
        bench.send(TestSpan())
        bench.metrics.flush()
        bench.clock.advance(milliseconds: 16 * 60_000)
        bench.metrics.flush()
        bench.metrics.flush()
        let calls = bench.memory.samples.withLock { samples in
            samples.first { $0.key[Labels.metricName] == "traces_spanmetrics_calls_total" }?.value
        }
        let samples = try #require(calls)
        try #require(samples.count == 3)
        #expect(samples[0].value == 0 && samples[1].value == 1)
        #expect(samples[1].timestamp - samples[0].timestamp == 15_000)
        #expect(StaleMarker.matches(samples[2].value))
        bench.send(TestSpan())
        bench.metrics.flush()
        let again = bench.memory.samples.withLock { samples in
            samples.first { $0.key[Labels.metricName] == "traces_spanmetrics_calls_total" }?.value.last?.value
        }
        #expect(again == 1)
    }

    @Test func boundsLabelSets() {
        var options = SpanMetricsOptions()
        options.seriesMax = 10
        let bench = Bench(options)
        for id in 0..<50 { bench.send(TestSpan(name: "name \(id)", id: UInt64(id + 1))) }
        bench.metrics.flush()
        #expect(bench.memory.count("traces_spanmetrics_calls_total") == 10)
        #expect(
            String(decoding: TextExposition.write(bench.registry), as: UTF8.self).contains(
                "obs_span_metrics_overflow_spans_total 40"))
    }

    @Test func makesLabelsOfDimensions() {
        var options = SpanMetricsOptions()
        options.dimensions = ["http.route", "Zone", "absent"]
        let bench = Bench(options)
        bench.send(TestSpan(attributes: [Attribute("http.route", .string("/a")), Attribute("Zone", .int(4))]))
        bench.metrics.flush()
        #expect(
            bench.memory.value(
                "traces_spanmetrics_calls_total",
                [
                    "service": "shop", "span_name": "work", "span_kind": "SPAN_KIND_INTERNAL",
                    "status_code": "STATUS_CODE_UNSET", "http_route": "/a", "Zone": "4",
                ]) == 1)
    }

    @Test func countsNothingThatWasRefused() {
        let bench = Bench(gate: SpanGate(error: .diskFull("no room")))
        bench.send(TestSpan())
        bench.metrics.flush()
        #expect(bench.memory.samples.withLock { $0.isEmpty })
    }

    @Test func cutsAndRepairsNames() {
        var options = SpanMetricsOptions()
        options.valueBytesMax = 6
        let bench = Bench(options)
        bench.send(TestSpan(name: "abcdéfgh"))
        bench.metrics.flush()
        #expect(
            bench.memory.value(
                "traces_spanmetrics_calls_total",
                [
                    "service": "shop", "span_name": "abcdé", "span_kind": "SPAN_KIND_INTERNAL",
                    "status_code": "STATUS_CODE_UNSET",
                ]) == 1)
    }
}

@Suite struct ServiceGraphTests {
    private let pair: KeyValuePairs = ["client": "shop", "server": "cart"]

    private func client(_ id: UInt64, _ attributes: [Attribute] = []) -> TestSpan {
        TestSpan(name: "call", kind: .client, id: id, milliseconds: 30, attributes: attributes)
    }

    private func server(_ parent: UInt64, _ status: SpanStatus = .unset) -> TestSpan {
        TestSpan(
            service: "cart", name: "serve", kind: .server, id: parent + 1000, parent: parent, milliseconds: 20,
            status: status)
    }

    @Test(arguments: [true, false]) func pairsSidesInAnyOrder(clientFirst: Bool) {
        let bench = Bench()
        let sides = [client(5), server(5, .error)]
        for side in clientFirst ? sides : sides.reversed() { bench.send(side) }
        bench.metrics.flush()
        #expect(bench.memory.value("traces_service_graph_request_total", pair) == 1)
        #expect(bench.memory.value("traces_service_graph_request_failed_total", pair) == 1)
        #expect(bench.memory.value("traces_service_graph_request_client_seconds_sum", pair) == 0.03)
        #expect(bench.memory.value("traces_service_graph_request_server_seconds_sum", pair) == 0.02)
    }

    @Test func databasesAreEdgesAlone() {
        let bench = Bench()
        bench.send(client(5, [Attribute("db.system", .string("postgresql")), Attribute("db.name", .string("users"))]))
        bench.metrics.flush()
        #expect(
            bench.memory.value(
                "traces_service_graph_request_total",
                ["client": "shop", "server": "users", "connection_type": "database"]) == 1)
    }

    @Test func peersThatNeverReportAreVirtual() {
        let bench = Bench()
        bench.send(client(5, [Attribute("peer.service", .string("bank"))]), client(6))
        bench.metrics.flush()
        #expect(bench.memory.count("traces_service_graph_request_total") == 0)
        bench.clock.advance(milliseconds: 11_000)
        bench.metrics.flush()
        #expect(
            bench.memory.value(
                "traces_service_graph_request_total",
                ["client": "shop", "server": "bank", "connection_type": "virtual_node"]) == 1)
        #expect(
            String(decoding: TextExposition.write(bench.registry), as: UTF8.self).contains(
                "obs_span_metrics_unpaired_spans_total 1"))
    }

    @Test func boundsWaitingSidesAndEdges() {
        var options = SpanMetricsOptions()
        options.pendingMax = 4
        options.edgesMax = 1
        let bench = Bench(options)
        for id in 1...9 { bench.send(client(UInt64(id))) }
        for id in 1...9 { bench.send(server(UInt64(id))) }
        bench.send(client(50, [Attribute("db.system", .string("redis"))]))
        bench.metrics.flush()
        #expect(bench.memory.value("traces_service_graph_request_total", pair) == 4)
        #expect(bench.memory.count("traces_service_graph_request_total") == 1)
    }
}
