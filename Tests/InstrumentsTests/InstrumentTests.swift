import Instruments
import Testing

@Suite struct InstrumentTests {
    private let registry = InstrumentRegistry(seriesPerFamilyMax: 3)

    private func text(openMetrics: Bool = false) -> String {
        String(decoding: TextExposition.write(registry, openMetrics: openMetrics), as: UTF8.self)
    }

    @Test func writesBothFormats() {
        let requests = registry.counters("obs_http_requests_total", help: "Requests.", labels: ["code", "path"])
        requests.bind("200", "/a\"b\\c\n").add(3)
        requests.bind("500", "/").increment()
        registry.gauge("obs_queue_bytes", help: "Line\nbreak \\.").set(1.5)
        let latency = registry.histogram(
            "obs_wait_seconds", help: "Waits.", labels: ["kind": "x"], bounds: [0.5, 1, 10])
        for value in [0.1, 0.5, 0.7, 5, 100, .nan] { latency.observe(value) }
        registry.observe("obs_shards_bytes", help: "Bytes.", labels: ["shard"]) {
            [.init(7, labels: ["0"]), .init(8, labels: ["1"])]
        }
        #expect(
            text() == """
                # HELP obs_http_requests_total Requests.
                # TYPE obs_http_requests_total counter
                obs_http_requests_total{code="200",path="/a\\"b\\\\c\\n"} 3
                obs_http_requests_total{code="500",path="/"} 1
                # HELP obs_queue_bytes Line\\nbreak \\\\.
                # TYPE obs_queue_bytes gauge
                obs_queue_bytes 1.5
                # HELP obs_shards_bytes Bytes.
                # TYPE obs_shards_bytes gauge
                obs_shards_bytes{shard="0"} 7
                obs_shards_bytes{shard="1"} 8
                # HELP obs_wait_seconds Waits.
                # TYPE obs_wait_seconds histogram
                obs_wait_seconds_bucket{kind="x",le="0.5"} 2
                obs_wait_seconds_bucket{kind="x",le="1.0"} 3
                obs_wait_seconds_bucket{kind="x",le="10.0"} 4
                obs_wait_seconds_bucket{kind="x",le="+Inf"} 6
                obs_wait_seconds_sum{kind="x"} NaN
                obs_wait_seconds_count{kind="x"} 6

                """)
        #expect(text(openMetrics: true).contains("# TYPE obs_http_requests counter\nobs_http_requests_total{code="))
        #expect(text(openMetrics: true).hasSuffix("# EOF\n"))
    }

    @Test func givesTheSameInstrumentForTheSameName() {
        let first = registry.counter("obs_a_total", help: "A.", labels: ["x": "1"])
        let second = registry.counter("obs_a_total", help: "A.", labels: ["x": "1"])
        #expect(first === second)
        #expect(registry.counter("obs_a_total", help: "A.", labels: ["x": "2"]) !== first)
    }

    @Test func countsWholeAndFractional() {
        let counter = registry.counter("obs_seconds_total", help: "S.")
        counter.add(2)
        counter.add(0.25)
        counter.increment()
        #expect(counter.value == 3.25)
        let gauge = registry.gauge("obs_level", help: "L.")
        gauge.set(5)
        gauge.add(-7)
        gauge.increment()
        #expect(gauge.value == -1)
    }

    @Test func limitsCardinality() {
        let family = registry.counters("obs_users_total", help: "U.", labels: ["user"])
        for user in 0..<10 { family.bind("u\(user)").increment() }
        family.bind("u1").increment()
        let lines = text().split(separator: "\n").filter { $0.hasPrefix("obs_users") }
        #expect(
            lines == [
                "obs_users_total{user=\"u0\"} 1", "obs_users_total{user=\"u1\"} 2", "obs_users_total{user=\"u2\"} 1",
                "obs_users_total{user=\"overflow\"} 7",
            ])
        #expect(text().contains("obs_instruments_overflow_total{family=\"obs_users_total\"} 7"))
    }

    @Test func namesAreSafe() {
        #expect(InstrumentName.isSafe("a:b_9", colons: true))
        #expect(!InstrumentName.isSafe("a:b", colons: false))
        #expect(!InstrumentName.isSafe("9a", colons: true))
        #expect(!InstrumentName.isSafe("", colons: true))
        #expect(InstrumentName.safe("http.server-duration é") == "http_server_duration__")
        #expect(InstrumentName.safe("9") == "_9")
        #expect(InstrumentName.safe("") == "_")
    }

    @Test func survivesManyThreads() async {
        let counter = registry.counter("obs_hits_total", help: "H.")
        let float = registry.counter("obs_float_total", help: "F.")
        let histogram = registry.histogram("obs_h_seconds", help: "H.", bounds: [1, 2])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for i in 0..<10_000 {
                        counter.increment()
                        float.add(0.5)
                        histogram.observe(Double(i % 3))
                    }
                }
            }
        }
        #expect(counter.value == 80_000)
        #expect(float.value == 40_000)
        #expect(histogram.count == 80_000)
    }

    @Test func keepsALedgerOfLosses() {
        let ledger = LossLedger(registry: registry)
        ledger.enter(3, place: "receiver", reason: "invalid_utf8")
        ledger.enter(0, place: "receiver", reason: "never")
        ledger.enter(5, place: "queue", reason: "full", signal: .logs)
        ledger.counter(place: "receiver", reason: "invalid_utf8").increment()
        #expect(
            ledger.table == [
                .init(place: "queue", reason: "full", signal: "logs", records: 5),
                .init(place: "receiver", reason: "invalid_utf8", signal: "metrics", records: 4),
            ])
        #expect(ledger.total() == 9)
        #expect(ledger.total(.metrics) == 4)
        #expect(text().contains("obs_loss_records_total{place=\"queue\",reason=\"full\",signal=\"logs\"} 5"))
    }
}
