import Bedrock
import Formats
import Model
import Testing

@Suite struct ExpositionWriterTests {
    private func write(_ format: ExpositionFormat) -> [UInt8] {
        var writer = ExpositionWriter(format: format)
        func sample(_ labels: Labels, _ value: Double, _ timestamp: Int64? = nil) {
            labels.storage.withUnsafeBytes { writer.sample(labels: $0, value: value, timestamp: timestamp) }
        }
        writer.beginFamily(
            MetricMetadata(family: "a_seconds_total", kind: .counter, help: "Line\nand \\ and \"", unit: "seconds"))
        sample(Labels(["__name__": "a_seconds_total", "b": "c\"d\\\n"]), 1.5, 1_700_000_000_250)
        writer.beginFamily(MetricMetadata(family: "odd name", kind: .unknown))
        sample(Labels(["__name__": "odd name", "é": "1", "Z": "2"]), .infinity)
        writer.beginFamily(MetricMetadata(family: "plain", kind: .gauge))
        sample(Labels(["__name__": "plain"]), 1e21)
        writer.end()
        return writer.buffer.array()
    }

    @Test func writesClassic() {
        #expect(
            String(decoding: write(.classic), as: UTF8.self) == """
                # HELP a_seconds_total Line\\nand \\\\ and "
                # TYPE a_seconds_total counter
                a_seconds_total{b="c\\"d\\\\\\n"} 1.5 1700000000250
                # TYPE "odd name" untyped
                {"odd name",Z="2","é"="1"} +Inf
                # TYPE plain gauge
                plain 1e+21

                """)
    }

    @Test func writesOpenMetrics() {
        #expect(
            String(decoding: write(.openMetrics), as: UTF8.self) == """
                # HELP a_seconds Line\\nand \\\\ and \\"
                # TYPE a_seconds counter
                # UNIT a_seconds seconds
                a_seconds_total{b="c\\"d\\\\\\n"} 1.5 1700000000.25
                # TYPE "odd name" unknown
                {"odd name",Z="2","é"="1"} +Inf
                # TYPE plain gauge
                plain 1e+21
                # EOF

                """)
    }

    @Test(arguments: ExpositionFormat.allCases) func readsBack(_ format: ExpositionFormat) throws {
        let batch = MetricBatch()
        try write(format).withUnsafeBytes { _ = try batch.append(exposition: $0, format: format, now: 0) }
        #expect(batch.labels(0)["b"] == "c\"d\\\n")
        #expect(Array(batch.timestamps) == [1_700_000_000_250, 0, 0])
        #expect(batch.labels(1) == Labels(["__name__": "odd name", "é": "1", "Z": "2"]))
        #expect(batch.metadata.first?.help == "Line\nand \\ and \"")
    }
}
