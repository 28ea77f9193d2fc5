import Bedrock
import Instruments
import Model
import Receivers
import Testing
import Transport

@Suite struct ImportReceiverTests {
    private let path = "/api/v1/import/prometheus"

    @Test func storesClassicText() throws {
        let test = try TestReceiver()
        let body = "# TYPE a counter\na{b=\"c\"} 1\na{b=\"d\"} 2 5000\n"
        #expect(try test.post(path, Array(body.utf8), [:]).status == 204)
        #expect(
            test.sink.written == [
                .init(
                    samples: ["a{b=\"c\"} 1.0 1700000000000", "a{b=\"d\"} 2.0 5000"], histograms: 0,
                    metadata: [MetricMetadata(family: "a", kind: .counter)], tenant: "default", producer: nil)
            ])
        #expect(try test.post(path + "?timestamp=77", Array("b 1".utf8), [:]).status == 204)
        #expect(test.sink.written.last?.samples == ["b 1.0 77"])
        #expect(try test.post(path, [], [:]).status == 204)
    }

    @Test func storesOpenMetricsAndGzip() throws {
        let test = try TestReceiver()
        var body = ByteBuffer()
        Array("# TYPE a counter\na_total 1 1.5\n# EOF\n".utf8).withUnsafeBytes { Gzip.compress($0, into: &body) }
        let answer = try test.post(
            path, body.array(),
            ["Content-Type": "application/openmetrics-text; version=1.0.0", "Content-Encoding": "gzip"])
        #expect(answer.status == 204)
        #expect(test.sink.written.first?.samples == ["a_total 1.0 1500"])
    }

    @Test func refusesWholeBodies() throws {
        var options = ImportReceiver.Options()
        options.limits.labelValueBytesMax = 10
        let test = try TestReceiver(importing: options)
        let bad = try test.post(path, Array("a 1\nb x\n".utf8), [:])
        #expect(bad.status == 400)
        #expect(bad.text == "2:3: \"x\" is not a number\n")
        #expect(try test.post(path + "?timestamp=now", Array("a 1".utf8), [:]).status == 400)
        #expect(try test.post(path, Array("a{b=\"0123456789X\"} 1".utf8), [:]).text.contains("over the limit of 10"))
        #expect(try test.post(path, Array("a 1".utf8), ["X-Scope-OrgID": "/"]).status == 400)
        #expect(test.sink.written.isEmpty)
    }

    @Test func collectsARegistryIntoABatch() {
        let registry = InstrumentRegistry()
        registry.counter("obs_a_total", help: "A.", labels: ["job": "own"]).add(2)
        registry.histogram("obs_b_seconds", help: "B.", bounds: [1]).observe(0.5)
        let batch = MetricBatch()
        registry.collect(into: batch, timestamp: 9, labels: [Label("job", "obsd"), Label("instance", "i")])
        #expect(
            (0..<batch.seriesCount).map { "\(batch.labels($0)) \(batch.values[$0])" } == [
                #"obs_a_total{instance="i", job="own"} 2.0"#,
                #"obs_b_seconds_bucket{instance="i", job="obsd", le="1.0"} 1.0"#,
                #"obs_b_seconds_bucket{instance="i", job="obsd", le="+Inf"} 1.0"#,
                #"obs_b_seconds_sum{instance="i", job="obsd"} 0.5"#,
                #"obs_b_seconds_count{instance="i", job="obsd"} 1.0"#,
            ])
        #expect(batch.timestamps.allSatisfy { $0 == 9 })
        #expect(
            batch.metadata == [
                .init(family: "obs_a_total", kind: .counter, help: "A."),
                .init(family: "obs_b_seconds", kind: .histogram, help: "B."),
            ])
    }
}
