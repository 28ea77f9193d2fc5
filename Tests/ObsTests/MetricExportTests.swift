import Bedrock
import Obs
import Testing
import Transport

@Suite struct MetricExportTests {
    private func metrics(_ request: CollectorServer.Request) throws -> [String: WireMessage] {
        var found: [String: WireMessage] = [:]
        for metric in try WireMessage(request.body).messages(1, 2, 2) { found[metric.text(1) ?? ""] = metric }
        return found
    }

    @Test(arguments: [TelemetryOptions.Compression.none, .gzip, .zstd])
    func pushesAllKinds(_ compression: TelemetryOptions.Compression) throws {
        let collector = try CollectorServer()
        var options = collector.options()
        options.metrics.compression = compression
        options.metrics.headers.add("X-Key", "k")
        let telemetry = Telemetry(options)
        let meter = telemetry.meter("shop", version: "1.2")
        meter.counter("sold", unit: "{item}", description: "Items.", attributes: ["kind": "tea", "n": 5]).add(7)
        meter.counter("spent").add(1.5)
        meter.upDownCounter("held").add(-4)
        meter.gauge("heat").set(2.5)
        let wait = meter.histogram("wait", aggregation: .explicit([1, 2]))
        for value in [0.5, 2, 9] { wait.record(value) }
        let size = meter.histogram("size", aggregation: .exponential())
        for value in [1.0, 1.0, 0, -8] { size.record(value) }
        meter.observableCounter("seen") { $0.observe(11) }
        #expect(telemetry.flush())
        let request = try #require(collector.requests("/v1/metrics").first)
        #expect(request.contentType == "application/x-protobuf")
        #expect(request.headers["X-Key"] == "k")
        let resource = try WireMessage(request.body).messages(1, 1)
        let attributes = try #require(try resource.first?.attributes(1))
        #expect(attributes["service.name"] == "tests")
        #expect(attributes["telemetry.sdk.language"] == "swift")
        #expect(attributes["process.pid"] != nil && attributes["host.name"] != nil)
        #expect(
            try WireMessage(request.body).messages(1, 2, 1).contains { $0.text(1) == "shop" && $0.text(2) == "1.2" })

        let all = try metrics(request)
        let sold = try #require(try all["sold"]?.messages(7).first)
        #expect(all["sold"]?.text(3) == "{item}" && all["sold"]?.text(2) == "Items.")
        #expect(sold.integer(2) == 2 && sold.integer(3) == 1)
        let point = try #require(try sold.messages(1).first)
        #expect(point.integer(6) == 7)
        #expect(try point.attributes(7) == ["kind": "tea", "n": "5"])
        #expect((point.integer(3) ?? 0) >= (point.integer(2) ?? .max))
        #expect(try all["spent"]?.messages(7, 1).first?.double(4) == 1.5)
        #expect(try all["held"]?.messages(7, 1).first?.integer(6).map { Int64(bitPattern: $0) } == -4)
        #expect(try all["held"]?.messages(7).first?.integer(3) == nil)
        #expect(try all["heat"]?.messages(5, 1).first?.double(4) == 2.5)
        #expect(try all["seen"]?.messages(7, 1).first?.integer(6) == 11)
        let histogram = try #require(try all["wait"]?.messages(9, 1).first)
        #expect(histogram.integer(4) == 3 && histogram.double(5) == 11.5)
        #expect(histogram.bytes(6) == [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
        let exponential = try #require(try all["size"]?.messages(10, 1).first)
        #expect(exponential.integer(4) == 4 && exponential.double(5) == -6 && exponential.integer(7) == 1)
        #expect(exponential.double(12) == -8 && exponential.double(13) == 1)
        // Scale 6: 1 is the upper bound of bucket -1, 8 that of bucket 191.
        #expect(exponential.integer(6) == 12)
        #expect(try exponential.messages(8).first?.integer(1) == 1)
        #expect(try exponential.messages(8).first?.bytes(2) == [2])
        #expect(try exponential.messages(9).first?.integer(1) == 382)
        #expect(telemetry.shutdown().isComplete)
    }

    @Test func deltasAreWhatWasAcknowledged() throws {
        let collector = try CollectorServer()
        var options = collector.options()
        options.temporality = .delta
        let telemetry = Telemetry(options)
        let meter = telemetry.meter("m")
        let counter = meter.counter("n")
        let held = meter.upDownCounter("held")
        let wait = meter.histogram("wait", aggregation: .explicit([1]))
        let size = meter.histogram("size", aggregation: .exponential(bucketsMax: 4))
        func push() throws -> [String: WireMessage] {
            #expect(telemetry.flush())
            return try metrics(try #require(collector.requests("/v1/metrics").last))
        }
        counter.add(5)
        held.add(5)
        wait.record(0.5)
        size.record(1)
        let first = try push()
        #expect(try first["n"]?.messages(7, 1).first?.integer(6) == 5)
        #expect(try first["n"]?.messages(7).first?.integer(2) == 1)
        #expect(try first["held"]?.messages(7).first?.integer(2) == 2)
        counter.add(2)
        held.add(1)
        wait.record(3)
        size.record(1000)
        // Refused for good: its changes must be in the next one.
        collector.answer(HTTPResponse(status: 400))
        #expect(telemetry.flush())
        counter.add(1)
        let second = try push()
        let point = try second["n"]?.messages(7, 1).first
        #expect(point?.integer(6) == 3)
        #expect(try point?.integer(2) == first["n"]?.messages(7, 1).first?.integer(3))
        #expect(try second["held"]?.messages(7, 1).first?.integer(6) == 6)
        #expect(try second["wait"]?.messages(9, 1).first?.integer(4) == 1)
        #expect(try second["size"]?.messages(10, 1).first?.integer(4) == 1)
        telemetry.shutdown()
    }

    @Test func scrapesAreAnswered() throws {
        let collector = try CollectorServer()
        let telemetry = Telemetry(collector.options())
        telemetry.meter("m").counter("n").add(2)
        let server = HTTPServer(HTTPServerOptions(), routes: [telemetry.metricsRoute()])
        try server.start()
        let client = HTTPClient()
        let answer = try client.call(HTTPCall(.get, server.url + "/metrics"))
        #expect(answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(String(decoding: answer.body, as: UTF8.self).contains("\nn_total 2\n"))
        telemetry.shutdown()
    }
}
