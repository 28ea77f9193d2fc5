import Bedrock
import Formats
import Instruments
import Obs
import Synchronization
import Testing
import Transport

@Suite struct MetricTests {
    private func telemetry(_ change: (inout TelemetryOptions) -> Void = { _ in }) -> Telemetry {
        var options = TelemetryOptions()
        options.resource = ["service.name": "t"]
        options.detectsResource = false
        options.exportsProcessMetrics = false
        options.metrics.isEnabled = false
        options.traces.isEnabled = false
        options.logs.isEnabled = false
        options.onProblem = { _ in }
        change(&options)
        return Telemetry(options)
    }

    private func lines(_ telemetry: Telemetry, accept: String? = nil) -> [Substring] {
        String(decoding: telemetry.exposition(accept: accept).body, as: UTF8.self).split(separator: "\n").filter {
            !$0.contains("obs_sdk")
        }
    }

    @Test func exposesAllKinds() throws {
        let telemetry = telemetry()
        let meter = telemetry.meter("shop")
        let requests = meter.counters(
            "http.requests", unit: "{request}", description: "Requests.", labels: Label<String>("http.method"),
            Label<Int>("code"))
        requests("GET", 200).add(3)
        requests("GET", 200).increment()
        requests("PO\"ST\n", 500).increment()
        meter.upDownCounter("active", description: "Now.").add(-2)
        meter.gauge("temperature", unit: "Cel").set(21.5)
        let wait = meter.histogram("wait", unit: "s", aggregation: .explicit([1, 0.5, .nan, 1]))
        for value in [0.2, 0.7, 3] { wait.record(value) }
        let size = meter.histogram("size", unit: "By", aggregation: .exponential())
        for value in [1.0, 3, 4, 0] { size.record(value) }
        meter.observableGauge("free", unit: "1") { $0.observe(0.25, ["disk": "a"]) }
        #expect(
            lines(telemetry).joined(separator: "\n") == """
                # HELP target_info Target metadata
                # TYPE target_info gauge
                target_info{service_name="t"} 1
                # HELP active Now.
                # TYPE active gauge
                active -2
                # HELP free_ratio 
                # TYPE free_ratio gauge
                free_ratio{disk="a"} 0.25
                # HELP http_requests_total Requests.
                # TYPE http_requests_total counter
                http_requests_total{code="200",http_method="GET"} 4
                http_requests_total{code="500",http_method="PO\\"ST\\n"} 1
                # HELP size_bytes 
                # TYPE size_bytes histogram
                size_bytes_bucket{le="0.0"} 1
                size_bytes_bucket{le="1.0"} 2
                size_bytes_bucket{le="1.4142135623730951"} 2
                size_bytes_bucket{le="2.0"} 2
                size_bytes_bucket{le="2.8284271247461903"} 2
                size_bytes_bucket{le="4.0"} 4
                size_bytes_bucket{le="+Inf"} 4
                size_bytes_sum 8
                size_bytes_count 4
                # HELP temperature_celsius 
                # TYPE temperature_celsius gauge
                temperature_celsius 21.5
                # HELP wait_seconds 
                # TYPE wait_seconds histogram
                wait_seconds_bucket{le="0.5"} 1
                wait_seconds_bucket{le="1.0"} 2
                wait_seconds_bucket{le="+Inf"} 3
                wait_seconds_sum 3.9
                wait_seconds_count 3
                """)
    }

    @Test func isSafeWithAnyName() throws {
        let telemetry = telemetry()
        let names = [
            "", "9", "a b", "é\n\"", "x_total", "x", "le", "__name__", "a.b", "a_b", "target_info", "x_bucket", "x_sum",
            "{}", String(repeating: "z", count: 5000), "\0", "a:b",
        ]
        for scope in ["one", "two"] {
            let meter = telemetry.meter(scope)
            for (i, name) in names.enumerated() {
                var made: Attributes = ["a.b": "1", "a_b": "2", "le": "3", "__name__": "4", "": "5"]
                for other in names { made[other] = .string(other) }
                let attributes = made
                switch i % 4 {
                case 0: meter.counter(name, unit: name, description: name, attributes: attributes).increment()
                case 1: meter.gauge(name, unit: name, description: name, attributes: attributes).set(.nan)
                case 2: meter.histogram(name, unit: name, description: name, attributes: attributes).record(1)
                default: meter.observableUpDownCounter(name) { $0.observe(.infinity, attributes) }
                }
            }
        }
        for accept in [nil, "application/openmetrics-text"] {
            let (type, body) = telemetry.exposition(accept: accept)
            let format = try #require(ExpositionFormat(contentType: type))
            let problems = body.withUnsafeBytes { ExpositionValidator.problems(in: $0, format: format) }
            #expect(problems.isEmpty, "\(problems)")
        }
    }

    @Test func clashesAreReportedAndHarmless() {
        let seen = Seen()
        let telemetry = telemetry { $0.onProblem = { seen.add("\($0)") } }
        let meter = telemetry.meter("m")
        meter.counter("x").increment()
        meter.gauge("x").set(5)
        meter.counter("x").add(-3)
        meter.counter("x").add(-0.5)
        meter.observableGauge("x") { $0.observe(1) }
        #expect(lines(telemetry).suffix(3) == ["# HELP x_total ", "# TYPE x_total counter", "x_total 1"])
        #expect(seen.all.count == 2, "\(seen.all)")
        #expect(seen.all.first?.contains("x is known already as a counter") == true)
    }

    @Test func limitsCardinality() {
        let telemetry = telemetry { $0.cardinalityLimit = 2 }
        let users = telemetry.meter("m").counters("users", labels: Label<String>("id"))
        for user in 0..<10 { users("u\(user)").increment() }
        users(String(repeating: "long", count: 1000)).increment()
        users("u1").increment()
        #expect(
            lines(telemetry).suffix(3) == [
                "users_total{id=\"u0\"} 1", "users_total{id=\"u1\"} 2", "users_total{otel_metric_overflow=\"true\"} 9",
            ])
        let text = String(decoding: telemetry.exposition().body, as: UTF8.self)
        #expect(text.contains("obs_sdk_metric_overflows_total 9"))
    }

    @Test func viewsChangeMetrics() {
        let telemetry = telemetry {
            $0.views = [
                View(instrument: "secret.*", drops: true),
                View(instrument: "http.*", name: "web", keepsAttributes: ["code"]),
                View(instrument: "w?it", aggregation: .explicit([10])),
            ]
        }
        let meter = telemetry.meter("m")
        meter.counter("secret.count").increment()
        let requests = meter.counters("http.requests", labels: Label<String>("user"), Label<Int>("code"))
        for user in 0..<5 { requests("u\(user)", 200).increment() }
        meter.counters("http.requests").bind(["user": "x", "code": 200]).increment()
        meter.histogram("wait").record(3)
        #expect(
            lines(telemetry).dropFirst(3).filter { !$0.hasPrefix("# HELP") } == [
                "# TYPE wait histogram", "wait_bucket{le=\"10.0\"} 1", "wait_bucket{le=\"+Inf\"} 1", "wait_sum 3",
                "wait_count 1", "# TYPE web_total counter", "web_total{code=\"200\"} 6",
            ])
    }

    @Test func manyThreadsBindAndRecord() async {
        let telemetry = telemetry()
        let set = telemetry.meter("m").counters("n", labels: Label<Int>("i"), Label<Bool>("even"))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { for i in 0..<20_000 { set(i % 300, i % 2 == 0).increment() } }
            }
        }
        let total = (0..<300).reduce(0.0) { $0 + set($1, $1 % 2 == 0).value }
        #expect(total == 160_000)
    }
}

/// Texts gathered on any thread.
final class Seen: Sendable {
    private let list = Mutex<[String]>([])

    func add(_ text: String) { list.withLock { $0.append(text) } }
    var all: [String] { list.withLock { $0 } }
}
