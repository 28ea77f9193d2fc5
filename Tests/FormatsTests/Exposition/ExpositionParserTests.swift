import Bedrock
import Formats
import Model
import Testing

@Suite struct ExpositionParserTests {
    private func batch(_ text: String, _ format: ExpositionFormat = .classic, now: Int64 = 1000) throws -> MetricBatch {
        let batch = MetricBatch()
        let bytes = Array(text.utf8)
        try bytes.withUnsafeBytes { _ = try batch.append(exposition: $0, format: format, now: now) }
        return batch
    }

    private func message(_ text: String, _ format: ExpositionFormat = .classic) -> String {
        do {
            _ = try batch(text, format)
            return "no error"
        } catch { return "\(error)" }
    }

    @Test func exemplarsGoIntoTheBatch() throws {
        let batch = MetricBatch()
        let text = """
            # TYPE h histogram
            h_bucket{le="1"} 5 12.5 # {trace_id="a\\"b"} 0.67 10.125
            h_bucket{le="+Inf"} 7 # {} 3
            # EOF

            """
        let summary = try Array(text.utf8).withUnsafeBytes {
            try batch.append(exposition: $0, format: .openMetrics, now: 99)
        }
        #expect((summary.samples, summary.exemplars) == (2, 2))
        let exemplars = batch.exemplars.map { row in
            Exemplar(
                labels: batch.withLabels(row) { Labels(canonical: $0) }, value: row.value, timestamp: row.timestamp)
        }
        #expect(
            exemplars == [
                Exemplar(labels: Labels(["trace_id": "a\"b"]), value: 0.67, timestamp: 10_125),
                Exemplar(labels: .empty, value: 3, timestamp: 99),
            ])
        #expect(batch.exemplars.map(\.series) == [0, 1])
    }

    @Test func fillsABatch() throws {
        let batch = try batch(
            """
            # HELP http_seconds Time \\\\ spent\\nwell.
            # TYPE http_seconds histogram
            http_seconds_bucket{path="/a\\"b",le="1"} 3
            http_seconds_bucket{le="+Inf",path="/a\\"b"} 4 1700000000000
            other{le="1"} NaN
            {"odd name",b="2",a="1"} -Inf
            """)
        #expect(batch.seriesCount == 4)
        #expect(
            (0..<4).map { batch.labels($0).description } == [
                #"http_seconds_bucket{le="1.0", path="/a\"b"}"#, #"http_seconds_bucket{le="+Inf", path="/a\"b"}"#,
                #"other{le="1"}"#,
                #"{"odd name", a="1", b="2"}"#,
            ])
        #expect(Array(batch.timestamps) == [1000, 1_700_000_000_000, 1000, 1000])
        #expect(Array(batch.values[..<2]) == [3, 4])
        #expect(batch.values[3] == -.infinity)
        #expect(!StaleMarker.matches(batch.values[2]))
        #expect(
            batch.metadata == [MetricMetadata(family: "http_seconds", kind: .histogram, help: "Time \\ spent\nwell.")])
    }

    @Test func emptyLabelValuesAreAbsent() throws {
        #expect(try batch("a{b=\"\",c=\"d\"} 1").labels(0).description == #"a{c="d"}"#)
    }

    @Test(arguments: [
        ("a 1\nb x\n", "2:3: \"x\" is not a number"),
        ("a 1\n\n  b{c=\"d\"\n", "3:10: expected a label name"),
        ("a{b=\"1\",b=\"2\"} 1", "1:1: label name \"b\" is not unique"),
        ("a{__name__=\"b\"} 1", "1:1: label name \"__name__\" is not unique"),
        ("# TYPE a countr\n", "1:10: invalid metric type \"countr\" (did you mean \"counter\"?)"),
        ("a 1 1.5\n", "1:6: expected the end of the line behind the timestamp"),
        ("a 1 99999999999999999999\n", "1:5: timestamp is out of range"),
        ("a{b=\"\\\n\"} 1\n", "1:5: string is not closed"),
        ("a 1 -5", "1:5: expected a timestamp or the end of the line"),
        ("é 1", "1:1: expected a metric name, '{' or '#'"),
        ("a{\"b\"} 1", "1:3: the metric name is given twice"),
        ("{\"\"} 1", "1:2: the metric name is empty"),
        ("a{\"\"=\"x\"} 1", "1:1: a label name is empty"),
        ("a 1e400", "1:3: \"1e400\" is not a number"),
    ])
    func saysWhere(_ text: String, _ expected: String) { #expect(message(text) == expected) }

    @Test(arguments: [
        ("a 1\n", "2:1: the text does not end with # EOF"),
        ("a  1\n# EOF\n", "1:3: expected a value behind the metric"),
        ("# TYPE a untyped\n# EOF\n", "1:10: invalid metric type \"untyped\""),
        ("# UNIT a_s m\n# EOF\n", "1:12: unit \"m\" is not a suffix of the metric name \"a_s\""),
        ("# EOF\n\n", "2:1: unexpected text behind # EOF"),
        ("a{b=\"c\nd\"} 1\n# EOF\n", "1:5: string is not closed"),
    ])
    func saysWhereInOpenMetrics(_ text: String, _ expected: String) { #expect(message(text, .openMetrics) == expected) }

    @Test func readsSecondsAsMilliseconds() throws {
        let batch = try batch("a 1 1.5\na 1 -0.0015\na 1 12345678901234567890\n# EOF", .openMetrics)
        #expect(Array(batch.timestamps) == [1500, -1, .max])
    }

    @Test func goesOnBehindAnError() throws {
        let text = Array("a 1\nb\nc 3\n".utf8)
        let names: [String] = text.withUnsafeBytes { raw in
            var parser = ExpositionParser(raw, format: .classic)
            var names: [String] = []
            while true {
                do throws(ExpositionError) {
                    guard try parser.next() == .sample else { return names }
                    names.append(String(decoding: parser.series, as: UTF8.self))
                } catch {
                    names.append("\(error)")
                    parser.skipLine()
                }
            }
        }
        #expect(names == ["a", "2:2: expected a value behind the metric", "c"])
    }

    @Test func takesManyUnsortedLabels() throws {
        let names = (0..<100).map { "l\(($0 * 37) % 100)" }
        let text = "m{" + names.map { "\($0)=\"v\"" }.joined(separator: ",") + "} 1\n"
        #expect(try batch(text).labels(0) == Labels([Label("__name__", "m")] + names.map { Label($0, "v") }))
    }

    @Test func negotiates() {
        #expect(ExpositionFormat(contentType: "text/plain; version=0.0.4") == .classic)
        #expect(
            ExpositionFormat(contentType: "Application/OpenMetrics-Text;version=1.0.0; charset=utf-8") == .openMetrics)
        #expect(ExpositionFormat(contentType: "application/json") == nil)
        #expect(ExpositionFormat(contentType: "") == nil)
        #expect(ExpositionFormat.negotiated(accept: nil) == .classic)
        #expect(ExpositionFormat.negotiated(accept: ExpositionFormat.acceptHeader) == .openMetrics)
        #expect(ExpositionFormat.negotiated(accept: "text/plain;q=0.9, application/openmetrics-text;q=0.1") == .classic)
        #expect(ExpositionFormat.negotiated(accept: "text/html,*/*;q=0.8") == .classic)
    }

    @Test func survivesMutations() {
        let classic = Array(
            "# HELP a b\\n\n# TYPE a histogram\na_bucket{le=\"1\",\"x y\"=\"\\\\\"} 1 5\n{\"a b\",c=\"é\"} 0x\na_sum NaN\n"
                .utf8)
        let open = Array(
            "# TYPE a counter\n# UNIT a \na_total{b=\"c\\\"\"} 1 1.5 # {d=\"e\"} 2 3\na_created 1\n# EOF\n".utf8)
        var random = SeededGenerator(seed: 11)
        for i in 0..<20_000 {
            let format = i.isMultiple(of: 2) ? ExpositionFormat.classic : .openMetrics
            var bytes = format == .classic ? classic : open
            for _ in 0...Int(random.next() % 4) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(
                    truncatingIfNeeded: random.next() & (i % 3 == 0 ? 0xFF : 0x7F))
            }
            bytes.removeLast(Int(random.next() % UInt64(bytes.count)))
            bytes.withUnsafeBytes { raw in
                _ = ExpositionValidator.problems(in: raw, format: format)
                var parser = ExpositionParser(raw, format: format, readsStartTimestamps: true)
                while let entry = try? parser.next(), entry != .end {
                    _ = try? parser.labels()
                    _ = try? parser.startTimestamp()
                }
            }
        }
    }
}
