import Bedrock
import Formats
import Model
import Testing

@Suite struct OTLPMetricsTests {
    private func decode(
        _ json: String, _ options: OTLPMetricOptions = OTLPMetricOptions(), deltas: OTLPDeltaTable? = nil
    ) throws -> (batch: MetricBatch, report: OTLPMetricReport) {
        var decoder = OTLPMetricsDecoder(options: options, deltas: deltas)
        let batch = MetricBatch()
        let report = try Array(json.utf8).withUnsafeBytes {
            try decoder.decode(json: $0, arrival: 1_700_000_000_000, into: batch)
        }
        return (batch, report)
    }

    private func request(
        _ metrics: String, resource: String = #"{"key":"service.name","value":{"stringValue":"shop"}}"#
    ) -> String {
        #"{"resourceMetrics":[{"resource":{"attributes":[\#(resource)]},"scopeMetrics":[{"scope":{"name":"lib","version":"1"},"metrics":[\#(metrics)]}]}]}"#
    }

    private func text(_ key: String, _ value: String) -> String {
        #"{"key":"\#(key)","value":{"stringValue":"\#(value)"}}"#
    }

    @Test func namesSeriesAsPrometheusDoes() throws {
        let resource = [
            text("service.name", "shop"), text("service.namespace", "eu"), text("service.instance.id", "i1"),
            text("host.name", "h"),
        ].joined(separator: ",")
        let metric = #"""
            {"name":"http.requests","unit":"{req}","description":"Requests.","sum":{"isMonotonic":true,"aggregationTemporality":2,
             "dataPoints":[{"timeUnixNano":"5000000","asInt":"7","attributes":[\#(text("http.method", "GET")),{"key":"ok","value":{"boolValue":true}},
              {"key":"n","value":{"doubleValue":1.5}},{"key":"job","value":{"stringValue":"mine"}},{"key":"a.b","value":{"stringValue":"2"}},
              {"key":"a_b","value":{"stringValue":"3"}},{"key":"list","value":{"arrayValue":{"values":[{"intValue":1},{"stringValue":"x"}]}}},
              {"key":"empty","value":{}}]}]}}
            """#
        let (batch, report) = try decode(request(metric, resource: resource))
        #expect(report.points == 1 && report.rejectedTotal == 0 && report.samples == 2)
        #expect(
            seriesText(batch) == [
                #"http_requests_total{a_b="2;3", http_method="GET", instance="i1", job="eu/shop", list="[1,\"x\"]", n="1.5", ok="true"} 7@5"#,
                #"target_info{host_name="h", instance="i1", job="eu/shop"} 1@5"#,
            ])
        #expect(
            batch.metadata.first
                == MetricMetadata(family: "http_requests_total", kind: .counter, help: "Requests.", unit: ""))
    }

    @Test func spreadsHistogramsOverSeries() throws {
        let metric = #"""
            {"name":"latency","unit":"s","histogram":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_CUMULATIVE","dataPoints":[
             {"timeUnixNano":1000000,"count":"6","sum":9.5,"bucketCounts":["1","2","3"],"explicitBounds":[0.5,1],
              "exemplars":[{"timeUnixNano":"2000000","asDouble":0.7,"spanId":"eee19b7ec3c1b174","traceId":"5b8efff798038103d269b633813fc60c",
               "filteredAttributes":[\#(text("user.id", "u"))]}]}]}}
            """#
        let (batch, _) = try decode(request(metric))
        #expect(
            seriesText(batch) == [
                #"latency_seconds_sum{job="shop"} 9.5@1"#, #"latency_seconds_count{job="shop"} 6@1"#,
                #"latency_seconds_bucket{job="shop", le="0.5"} 1@1"#,
                #"latency_seconds_bucket{job="shop", le="1"} 3@1 #{span_id="eee19b7ec3c1b174", trace_id="5b8efff798038103d269b633813fc60c", user_id="u"} 0.7@2"#,
                #"latency_seconds_bucket{job="shop", le="+Inf"} 6@1"#,
            ])
        var options = OTLPMetricOptions()
        options.convertsHistograms = true
        let (native, _) = try decode(request(metric), options)
        let histogram = try #require(native.histograms.first?.histogram)
        #expect(histogram.hasCustomBuckets && histogram.customValues == [0.5, 1])
        #expect(histogram.positiveBuckets == [1, 2, 3] && histogram.flaw(bucketsMax: 100) == nil)
        #expect(native.exemplars.count == 1)
    }

    @Test func makesNativeHistograms() throws {
        func point(_ scale: Int, _ offset: Int, _ counts: String, _ count: Int) -> String {
            #"{"name":"x","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":1000000,"count":\#(count),"sum":1,"scale":\#(scale),"zeroCount":1,"positive":{"offset":\#(offset),"bucketCounts":[\#(counts)]}}]}}"#
        }
        let (batch, _) = try decode(request(point(0, -1, "1,0,0,2,0,0,0,4", 8)))
        let histogram = try #require(batch.histograms.first?.histogram)
        #expect(histogram.schema == 0 && histogram.count == 8 && histogram.zeroCount == 1)
        #expect(histogram.positiveSpans == [.init(offset: 0, length: 4), .init(offset: 3, length: 1)])
        #expect(histogram.positiveBuckets == [1, 0, 0, 2, 4] && histogram.zeroThreshold == 1e-128)
        let (fine, _) = try decode(request(point(10, 0, "1,1,1,1,1", 6)))
        let joined = try #require(fine.histograms.first?.histogram)
        #expect(joined.schema == 8 && joined.positiveBuckets == [4, 1])
        for bad in [point(-5, 0, "1", 2), point(0, 0, "1", 9), point(0, .max, "1,1", 3)] {
            let (none, report) = try decode(request(bad))
            #expect(none.histograms.isEmpty && report.rejected(.invalidHistogram) == 1)
        }
    }

    @Test func addsUpDeltas() throws {
        func sum(_ time: Int, _ value: Int) -> String {
            #"{"name":"c","sum":{"isMonotonic":true,"aggregationTemporality":1,"dataPoints":[{"timeUnixNano":\#(time),"asInt":\#(value)}]}}"#
        }
        let table = OTLPDeltaTable(seriesMax: 2)
        func values(_ metric: String) throws -> [Double] {
            Array(try decode(request(metric), deltas: table).batch.values)
        }
        #expect(try values(sum(1_000_000, 5)) == [5])
        #expect(try values(sum(2_000_000, 3)) == [8])
        // A retry says the same again.
        #expect(try values(sum(2_000_000, 3)) == [8])
        let (_, late) = try decode(request(sum(1_500_000, 3)), deltas: table)
        #expect(late.rejected(.deltaOutOfOrder) == 1)
        func histogram(_ time: Int, _ counts: String, bounds: String = "1") -> String {
            #"{"name":"h","histogram":{"aggregationTemporality":1,"dataPoints":[{"timeUnixNano":\#(time),"count":2,"sum":2,"bucketCounts":[\#(counts)],"explicitBounds":[\#(bounds)]}]}}"#
        }
        #expect(try values(histogram(1_000_000, "1,1")) == [2, 2, 1, 2])
        #expect(try values(histogram(2_000_000, "2,0")) == [4, 4, 3, 4])
        #expect(try values(histogram(3_000_000, "2,0", bounds: "5")) == [2, 2, 2, 2])
        let (_, full) = try decode(request(sum(1, 1).replacing("\"c\"", with: "\"d\"")), deltas: table)
        #expect(full.rejected(.deltaSeriesLimit) == 1 && table.seriesCount == 2)
        var options = OTLPMetricOptions()
        options.delta = .refuse
        let (none, refused) = try decode(request(sum(1, 1)), options)
        #expect(none.values.isEmpty && refused.rejected(.badTemporality) == 1)
        #expect(refused.firstRejection?.contains(#"invalid temporality and type combination for metric "c""#) == true)
        options.delta = .raw
        #expect(try decode(request(sum(1, 1)), options).batch.metadata.first?.kind == .unknown)
    }

    @Test func writesSummariesAndEnds() throws {
        let summary =
            #"{"name":"s","summary":{"dataPoints":[{"timeUnixNano":1000000,"count":2,"sum":3,"quantileValues":[{"quantile":0.5,"value":1}]}]}}"#
        #expect(
            seriesText(try decode(request(summary)).batch)
                == [
                    #"s_sum{job="shop"} 3.0@1"#, #"s_count{job="shop"} 2@1"#, #"s{job="shop", quantile="0.5"} 1@1"#,
                ].map { $0.replacing("3.0", with: "3") })
        let ended = #"{"name":"g","gauge":{"dataPoints":[{"timeUnixNano":1000000,"flags":1}]}}"#
        #expect(StaleMarker.matches(try decode(request(ended)).batch.values[0]))
        let empty = #"{"name":"g","gauge":{"dataPoints":[{"timeUnixNano":1000000}]}}"#
        #expect(try decode(request(empty)).report.rejected(.noValue) == 1)
    }

    @Test func promotesAndInforms() throws {
        let resource = [text("service.name", "shop"), text("k8s.pod", "p"), text("region", "r")].joined(separator: ",")
        func gauge(_ times: Int...) -> String {
            let points = times.map { #"{"timeUnixNano":"\#($0)000000","asDouble":1}"# }.joined(separator: ",")
            return #"{"name":"g","unit":"1","gauge":{"dataPoints":[\#(points)]}}"#
        }
        var options = OTLPMetricOptions()
        options.promotedResourceAttributes = ["k8s.pod"]
        options.promotesScopeMetadata = true
        let (batch, report) = try decode(request(gauge(0, 400_000), resource: resource), options)
        #expect(
            seriesText(batch) == [
                #"g_ratio{job="shop", k8s_pod="p", otel_scope_name="lib", otel_scope_version="1"} 1@0"#,
                #"g_ratio{job="shop", k8s_pod="p", otel_scope_name="lib", otel_scope_version="1"} 1@400000"#,
                #"target_info{job="shop", k8s_pod="p", region="r"} 1@0 1@150000 1@300000 1@400000"#,
            ])
        #expect(report.samples == 6)
        options.promotesAllResourceAttributes = true
        options.ignoredResourceAttributes = ["region"]
        let (all, _) = try decode(request(gauge(1), resource: resource), options)
        #expect(
            all.labels(0)["k8s_pod"] == "p" && all.labels(0)["region"] == nil && all.labels(0)["service_name"] == "shop"
        )
    }

    @Test func refusesPointsNotRequests() throws {
        var options = OTLPMetricOptions()
        options.limits.labelsPerSeriesMax = 3
        let metrics = [
            #"{"name":"@#","gauge":{"dataPoints":[{"asInt":1}]}}"#,
            #"{"name":"a","gauge":{"dataPoints":[{"asInt":1,"attributes":[\#(text("__", "x"))]},{"asInt":1}]}}"#,
            #"{"name":"b","gauge":{"dataPoints":[{"asInt":1,"attributes":[\#(text("a", "x")),\#(text("b", "x")),\#(text("c", "x"))]}]}}"#,
            #"{"name":"u","sum":{"dataPoints":[{"asInt":1}]}}"#,
        ]
        let (batch, report) = try decode(request(metrics.joined(separator: ",")), options)
        #expect(batch.seriesCount == 1 && report.points == 1 && report.rejectedTotal == 4)
        for reason in [OTLPMetricRejection.badName, .badLabelName, .tooManyLabels, .badTemporality] {
            #expect(report.rejected(reason) == 1, "\(reason)")
        }
        options.limits.samplesPerRequestMax = 1
        #expect(throws: OTLPMetricsError.self) { try decode(request(metrics.joined(separator: ",")), options) }
        #expect(throws: OTLPMetricsError.self) { try decode("{", options) }
    }

    @Test(arguments: 0..<40) func bothEncodingsSayTheSame(seed: UInt64) throws {
        var random = RandomMetrics(seed: seed)
        let (json, protobuf) = random.request()
        var options = OTLPMetricOptions()
        options.promotesScopeMetadata = seed % 2 == 0
        let (fromJSON, report) = try decode(json, options, deltas: OTLPDeltaTable())
        var decoder = OTLPMetricsDecoder(options: options, deltas: OTLPDeltaTable())
        let batch = MetricBatch()
        let second = try protobuf.withUnsafeBytes {
            try decoder.decode(protobuf: $0, arrival: 1_700_000_000_000, into: batch)
        }
        #expect(report.points > 0 && second.points == report.points && second.rejectedTotal == report.rejectedTotal)
        #expect(seriesText(batch) == seriesText(fromJSON))
        #expect(Array(batch.metadata) == Array(fromJSON.metadata))
        #expect(batch.histograms.map(\.histogram) == fromJSON.histograms.map(\.histogram))
        for index in 0..<batch.seriesCount {
            batch.withLabels(index) { #expect(options.limits.problem(ofLabels: $0) == nil) }
        }
        // Damaged anywhere, it is refused or read, never trapped on.
        for _ in 0..<30 {
            var bad = protobuf
            for _ in 0..<3 {
                bad[Int.random(in: bad.indices, using: &random.random)] = .random(in: 0...255, using: &random.random)
            }
            let cut = Array(bad.prefix(Int.random(in: 0...bad.count, using: &random.random)))
            cut.withUnsafeBytes { _ = try? decoder.decode(protobuf: $0, arrival: 0, into: MetricBatch()).points }
            var text = Array(json.utf8)
            for _ in 0..<3 {
                text[Int.random(in: text.indices, using: &random.random)] = .random(in: 0...255, using: &random.random)
            }
            text.withUnsafeBytes { _ = try? decoder.decode(json: $0, arrival: 0, into: MetricBatch()).points }
        }
    }
}

/// Series with their rows, `labels value@time …`, and exemplars.
func seriesText(_ batch: MetricBatch) -> [String] {
    batch.entries.indices.map { index in
        let entry = batch.entries[index]
        var text = batch.labels(index).description
        for row in entry.firstRow..<entry.firstRow + entry.rowCount {
            text += " \(NumberText.text(batch.values[row]))@\(batch.timestamps[row])"
        }
        for row in entry.firstHistogram..<entry.firstHistogram + entry.histogramCount {
            text += " histogram@\(batch.histograms[row].timestamp)"
        }
        for row in batch.exemplars(of: index) {
            let exemplar = batch.exemplars[row]
            let labels = batch.withLabels(exemplar) { Labels(canonical: $0).description }
            text += " #\(labels) \(NumberText.text(exemplar.value))@\(exemplar.timestamp)"
        }
        return text
    }
}
