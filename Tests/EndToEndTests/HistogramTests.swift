import Bedrock
import Formats
import Foundation
import Model
import Testing
import Transport

/// Native histograms and exemplars through the real server: in by remote write, out by the query API, over kill -9 and compaction of the log.
@Suite(.serialized) struct HistogramTests {
    private let folder: TemporaryFolder
    /// Milliseconds of the last scrape; a whole minute, well in the past.
    private let end = (Int64(Date().timeIntervalSince1970) / 60 - 3) * 60_000

    init() throws { folder = try TemporaryFolder() }

    /// After `i` scrapes `i` observations lie between 1 and 2, and `3 i` between 2 and 4.
    private func histogram(_ i: Int) -> NativeHistogram {
        NativeHistogram(
            schema: 0, count: Double(4 * i), sum: Double(10 * i), zeroThreshold: 1e-128,
            positiveSpans: [.init(offset: 1, length: 2)], positiveBuckets: [Double(i), Double(3 * i)])
    }

    private func batch() -> MetricBatch {
        let batch = MetricBatch()
        for path in ["/a", "/gone"] {
            batch.beginSeries(Labels(["__name__": "latency", "path": path]))
            for i in 1...20 {
                batch.append(timestamp: end - Int64(20 - i) * 15_000, histogram: histogram(i))
            }
            batch.append(
                Exemplar(
                    labels: Labels(["trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"]), value: 1.5,
                    timestamp: end - 30_250))
        }
        batch.append(timestamp: end + 1000, histogram: NativeHistogram(sum: StaleMarker.value))
        batch.beginSeries(Labels(["__name__": "custom"]))
        batch.append(
            timestamp: end,
            histogram: NativeHistogram(
                schema: NativeHistogram.customSchema, count: 5, sum: 9, positiveSpans: [.init(offset: 0, length: 3)],
                positiveBuckets: [1, 3, 1], customValues: [0.5, 2]))
        batch.beginSeries(Labels(["__name__": "changed"]))
        batch.append(timestamp: end - 30_000, value: 7)
        batch.append(timestamp: end - 15_000, histogram: histogram(2))
        batch.append(timestamp: end, value: 8)
        return batch
    }

    private func ask(_ server: ObsdProcess, _ query: String, _ path: String = "query", at: Int64? = nil) throws
        -> String
    {
        let time = String(Double(at ?? end) / 1000)
        var parameters = [(name: "query", value: query)]
        parameters +=
            path == "query" ? [(name: "time", value: time)] : [(name: "start", value: "0"), (name: "end", value: time)]
        return try server.get("/api/v1/\(path)?" + PercentCoding.form(parameters)).body
    }

    private func number(_ server: ObsdProcess, _ query: String, at: Int64? = nil) throws -> Double? {
        try HTTP.value(server.url, query, time: String(Double(at ?? end) / 1000))
    }

    private func check(_ server: ObsdProcess, _ note: Comment) throws {
        let a = #"latency{path="/a"}"#
        #expect(try number(server, "histogram_count(\(a))") == 80, note)
        #expect(try number(server, "histogram_count(increase(\(a)[1m]))") == 16, note)
        #expect(try number(server, "histogram_sum(rate(\(a)[1m]))").map { abs($0 - 2.0 / 3) < 1e-9 } == true, note)
        // A quarter of all lies between 1 and 2: the eighth part of all is half of that, on a logarithmic scale.
        let quantile = try number(server, "histogram_quantile(0.125, rate(\(a)[5m]))")
        #expect(quantile.map { abs($0 - 2.0.squareRoot()) < 1e-9 } == true, note)
        #expect(try number(server, "count(count_over_time(latency[10m]))") == 2, note)
        #expect(try number(server, "sum(count_over_time(latency[10m]))", at: end + 2000) == 40, note)
        #expect(try number(server, "count(latency)", at: end + 2000) == 1, note)
        let seconds = end / 1000
        #expect(
            try ask(server, a).contains(
                #""histogram":[\#(seconds),{"count":"80","sum":"200","buckets":[[0,"1","2","20"],[0,"2","4","60"]]}]"#),
            note)
        #expect(
            try ask(server, "custom").contains(
                #"{"count":"5","sum":"9","buckets":[[3,"-Inf","0.5","1"],[0,"0.5","2","3"],[0,"2","+Inf","1"]]}"#),
            note)
        #expect(
            try ask(server, "changed[1m]").contains(
                #""values":[[\#(seconds - 30),"7"],[\#(seconds),"8"]],"histograms":[[\#(seconds - 15),{"count":"8""#),
            note)
        let exemplar =
            #""exemplars":[{"labels":{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"},"value":"1.5","timestamp":"#
            + "\(Double(end - 30_250) / 1000)}]"
        let exemplars = try ask(server, "rate(latency[1m])", "query_exemplars")
        #expect(
            exemplars
                == #"{"status":"success","data":[{"seriesLabels":{"__name__":"latency","path":"/a"},\#(exemplar)},"#
                + #"{"seriesLabels":{"__name__":"latency","path":"/gone"},\#(exemplar)}]}"#, note)
    }

    @Test func theyAreAnsweredBeforeAndAfterKillsAndFlushes() throws {
        let data = folder.path + "/data"
        let arguments = ["--agent-host-metrics=false"]
        var server = try ObsdProcess(data: data, arguments)
        let answer = try server.post(
            "/api/v1/write", RemoteWriteClient.body(batch()), headers: RemoteWriteClient.headers)
        #expect(answer.status == 204, "\(answer.body)")
        try check(server, "at first")
        // Sent again, nothing changes.
        let again = try server.post(
            "/api/v1/write", RemoteWriteClient.body(batch()), headers: RemoteWriteClient.headers)
        #expect(again.status == 204)
        try check(server, "repeated")
        server.kill()
        server = try ObsdProcess(data: data, arguments)
        try check(server, "after kill -9")
        #expect(server.stop() == 0)
        let verified = try run(Programs.obsq, ["verify", data])
        #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
        server = try ObsdProcess(data: data, arguments)
        try check(server, "after a restart")
    }

    /// Exemplars of an OpenMetrics text, and histograms and exemplars of remote write 2.0.
    @Test func theyComeOverOtherWays() throws {
        let server = try ObsdProcess(data: folder.path + "/data", ["--agent-host-metrics=false"])
        let seconds = end / 1000
        let text = """
            # TYPE imported counter
            imported_total 5 \(seconds) # {trace_id="abc"} 1 \(seconds - 2)
            # EOF

            """
        let answer = try server.post(
            "/api/v1/import/prometheus", Data(text.utf8),
            headers: ["Content-Type": "application/openmetrics-text; version=1.0.0"])
        #expect(answer.status == 204, "\(answer.body)")
        #expect(
            try ask(server, "imported_total", "query_exemplars")
                == #"{"status":"success","data":[{"seriesLabels":{"__name__":"imported_total"},"exemplars":["#
                + #"{"labels":{"trace_id":"abc"},"value":"1","timestamp":\#(seconds - 2)}]}]}"#)
        let second = try server.post(
            "/api/v1/write", version2(),
            headers: [
                "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
                "Content-Encoding": "snappy",
            ])
        #expect(second.status == 204, "\(second.body)")
        #expect(try number(server, "histogram_count(v2)") == 3)
        #expect(
            try ask(server, "v2", "query_exemplars").contains(
                #""exemplars":[{"labels":{"trace_id":"v2"},"value":"0","timestamp":\#(seconds)}]"#))
    }

    /// One series with an integer histogram of three observations between 0.5 and 1, and an exemplar.
    private func version2() -> Data {
        var time = ByteBuffer()
        time.append(varint: UInt64(end))
        func message(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] { [number << 3 | 2, UInt8(bytes.count)] + bytes }
        let histogram: [UInt8] =
            [0x08, 3] + message(11, [0x08, 0, 0x10, 1]) + message(12, [6]) + [0x78] + time.array()
        let exemplar = message(1, [3, 2]) + [0x18] + time.array()
        let series = message(1, [1, 2]) + message(3, histogram) + message(4, exemplar)
        var request: [UInt8] = []
        for symbol in ["", "__name__", "v2", "trace_id"] { request += message(4, Array(symbol.utf8)) }
        request += message(5, series)
        var packed = ByteBuffer()
        request.withUnsafeBytes { Snappy.compress($0, into: &packed) }
        return Data(packed.array())
    }

    @Test func whatIsNoHistogramIsRefusedByName() throws {
        let server = try ObsdProcess(data: folder.path + "/data", ["--agent-host-metrics=false"])
        let batch = MetricBatch()
        batch.beginSeries(Labels(["__name__": "wide"]))
        batch.append(
            timestamp: end,
            histogram: NativeHistogram(
                schema: NativeHistogram.customSchema, count: 2000, positiveSpans: [.init(offset: 0, length: 2000)],
                positiveBuckets: [Double](repeating: 1, count: 2000), customValues: (0..<2000).map { Double($0) }))
        batch.beginSeries(Labels(["__name__": "reduced"]))
        batch.append(
            timestamp: end,
            histogram: NativeHistogram(
                schema: 8, count: 2000, positiveSpans: [.init(offset: 1, length: 2000)],
                positiveBuckets: [Double](repeating: 1, count: 2000)))
        let answer = try server.post(
            "/api/v1/write", RemoteWriteClient.body(batch), headers: RemoteWriteClient.headers)
        #expect(answer.status == 400)
        #expect(
            answer.body.contains("1 samples were refused, 1 stored. The first: native histogram of wide: 2000 buckets"))
        #expect(try number(server, "histogram_count(reduced)") == 2000)
        let buckets = try JSONValue(parsing: try ask(server, "reduced"))["data"]?["result"]?[0]?["histogram"]?[1]
        #expect(buckets?["buckets"]?.array?.count == 1000)
    }
}
