import Bedrock
import Formats
import Model
import Testing

@Suite struct RemoteWriteTests {
    private func decode(
        _ bytes: [UInt8], limits: RemoteWriteLimits = RemoteWriteLimits()
    ) throws -> (batch: MetricBatch, report: RemoteWriteReport) {
        let batch = MetricBatch()
        var decoder = RemoteWriteDecoder(limits: limits)
        let report = try bytes.withUnsafeBytes { try decoder.decode($0, into: batch) }
        return (batch, report)
    }

    private func encode(_ batch: MetricBatch) -> [UInt8] {
        var buffer = ByteBuffer()
        RemoteWriteEncoder.encode(batch, into: &buffer)
        return buffer.array()
    }

    private func expectSame(_ a: MetricBatch, _ b: MetricBatch, _ note: Comment = "") {
        #expect(a.seriesCount == b.seriesCount, note)
        for i in 0..<min(a.seriesCount, b.seriesCount) {
            #expect(a.labels(i) == b.labels(i), note)
            #expect(a.entries[i].rowCount == b.entries[i].rowCount, note)
            #expect(a.entries[i].histogramCount == b.entries[i].histogramCount, note)
        }
        #expect(a.timestamps == b.timestamps, note)
        #expect(a.values.map(\.bitPattern) == b.values.map(\.bitPattern), note)
        #expect(a.histograms.map(\.timestamp) == b.histograms.map(\.timestamp), note)
        #expect(a.histograms.map(\.histogram) == b.histograms.map(\.histogram), note)
        #expect(exemplars(a) == exemplars(b), note)
        #expect(a.metadata == b.metadata, note)
    }

    private func exemplars(_ batch: MetricBatch) -> [String] {
        batch.exemplars.map { row in
            let labels = batch.withLabels(row) { Labels(canonical: $0) }
            return "\(row.series) \(labels) \(row.value.bitPattern) \(row.timestamp)"
        }
    }

    @Test func exemplarsMayComeWithoutSamples() throws {
        var message = WireMessage()
        message.bytes(1) { series in
            series.label("__name__", "m")
            for text in ["a", "a", String(repeating: "x", count: 150)] {
                series.bytes(3) { exemplar in
                    exemplar.label("trace_id", text)
                    exemplar.double(2, 0.5)
                    exemplar.varint(3, 77)
                }
            }
            series.bytes(3) { $0.label("trace_id", [0xFF]) }
        }
        let (batch, report) = try decode(message.bytes)
        #expect(exemplars(batch) == ["0 {trace_id=\"a\"} \(0.5.bitPattern) 77"])
        #expect((report.exemplars, report.exemplarsRefused, report.samples, report.rejectedTotal) == (2, 2, 0, 0))
    }

    @Test func roundTripsRandomBatches() throws {
        var random = SeededGenerator(seed: 21)
        for round in 0..<200 {
            let batch = RemoteWriteSample.batch(&random)
            let (decoded, report) = try decode(encode(batch))
            expectSame(batch, decoded, "round \(round)")
            #expect(report.rejectedTotal == 0)
            #expect(report.samples == batch.sampleCount)
        }
    }

    @Test func encodesARange() throws {
        var random = SeededGenerator(seed: 22)
        let batch = RemoteWriteSample.batch(&random, series: 10)
        var buffer = ByteBuffer()
        RemoteWriteEncoder.encode(batch, series: 3..<5, metadata: false, into: &buffer)
        let decoded = try decode(buffer.array()).batch
        #expect(decoded.seriesCount == 2)
        #expect(decoded.labels(0) == batch.labels(3))
        #expect(decoded.metadata.isEmpty)
    }

    @Test func readsWhatPrometheusSends() throws {
        // One series, labels sorted, value 1.5 at 1 700 000 000 000 ms, and a stale marker behind it.
        var message = WireMessage()
        message.bytes(1) { series in
            series.label("__name__", "up")
            series.label("job", "node")
            series.sample(1.5, 1_700_000_000_000)
            series.sample(StaleMarker.value, 1_700_000_015_000)
            series.bytes(3) { exemplar in
                exemplar.label("trace_id", "x")
                exemplar.double(2, 1)
            }
            series.varint(99, 7)
        }
        message.bytes(3) { metadata in
            metadata.varint(1, 1)
            metadata.string(2, "up")
            metadata.string(4, "Help.")
        }
        message.string(17, "from a later version")
        let (batch, report) = try decode(message.bytes)
        #expect(batch.labels(0).description == #"up{job="node"}"#)
        #expect(Array(batch.timestamps) == [1_700_000_000_000, 1_700_000_015_000])
        #expect(batch.values[0] == 1.5)
        #expect(StaleMarker.matches(batch.values[1]))
        #expect(report.samples == 2)
        #expect(report.exemplars == 1)
        #expect(batch.exemplars.map(\.timestamp) == [0])
        #expect(batch.withLabels(batch.exemplars[0]) { Labels(canonical: $0) } == Labels(["trace_id": "x"]))
        #expect(batch.metadata == [MetricMetadata(family: "up", kind: .counter, help: "Help.")])
    }

    @Test func sortsLabelsAndTakesLateOnes() throws {
        var message = WireMessage()
        message.bytes(1) { series in
            series.label("z", "1")
            series.label("empty", "")
            series.sample(1, 5)
            series.label("__name__", "m")
            series.label("ä", "ö")
            series.sample(2, 6)
        }
        let (batch, report) = try decode(message.bytes)
        #expect(batch.seriesCount == 1)
        #expect(batch.labels(0) == Labels([Label("__name__", "m"), Label("z", "1"), Label("ä", "ö")]))
        #expect(Array(batch.values) == [1, 2])
        #expect(report.samples == 2)
    }

    @Test func leavesOutInvalidSeriesOnly() throws {
        var limits = RemoteWriteLimits()
        limits.labelsPerSeriesMax = 3
        limits.labelNameBytesMax = 10
        limits.labelValueBytesMax = 20
        let cases: [(RemoteWriteRejection, [(String, [UInt8])])] = [
            (.missingName, [("job", Array("a".utf8))]),
            (.missingName, [("__name__", [])]),
            (.emptyLabelName, [("", Array("a".utf8)), ("__name__", Array("m".utf8))]),
            (.duplicateLabel, [("__name__", Array("m".utf8)), ("a", Array("1".utf8)), ("a", Array("2".utf8))]),
            (.invalidUTF8, [("__name__", Array("m".utf8)), ("a", [0xFF])]),
            (.tooManyLabels, [("__name__", [65]), ("a", [65]), ("b", [65]), ("c", [65])]),
            (.labelNameTooLong, [("__name__", [65]), ("a2345678901", [65])]),
            (.labelValueTooLong, [("__name__", [65]), ("a", [UInt8](repeating: 65, count: 21))]),
        ]
        for (reason, labels) in cases {
            var message = WireMessage()
            message.bytes(1) {
                $0.label("__name__", "good"); $0.sample(1, 1)
            }
            message.bytes(1) { series in
                for (name, value) in labels { series.label(name, value) }
                series.sample(1, 1)
                series.sample(2, 2)
            }
            message.bytes(1) {
                $0.label("__name__", "also_good"); $0.sample(3, 3)
            }
            let (batch, report) = try decode(message.bytes, limits: limits)
            #expect(batch.seriesCount == 2, "\(reason)")
            #expect(Array(batch.values) == [1, 3])
            #expect(report.rejected(reason) == 2, "\(reason)")
            #expect(report.rejectedTotal == 2)
            #expect(report.samples == 2)
            #expect(report.firstRejection?.hasPrefix("series {") == true)
        }
    }

    @Test func dropsSeriesWithoutSamples() throws {
        var message = WireMessage()
        message.bytes(1) { $0.label("__name__", "m") }
        let (batch, report) = try decode(message.bytes)
        #expect(batch.isEmpty)
        #expect(report.rejectedTotal == 0)
    }

    @Test func refusesTooLargeRequests() throws {
        var limits = RemoteWriteLimits()
        limits.seriesPerRequestMax = 2
        limits.samplesPerRequestMax = 3
        var message = WireMessage()
        for _ in 0..<3 {
            message.bytes(1) {
                $0.label("__name__", "m"); $0.sample(1, 1)
            }
        }
        #expect { try decode(message.bytes, limits: limits) } throws: {
            "\($0)" == "the request has over 2 series; send smaller ones"
        }
        message = WireMessage()
        message.bytes(1) { series in
            series.label("__name__", "m")
            for i in 0..<4 { series.sample(1, Int64(i)) }
        }
        #expect { try decode(message.bytes, limits: limits) } throws: {
            "\($0)" == "the request has over 3 samples; send smaller ones"
        }
    }

    @Test(
        arguments: [
            [0x0A], [0x0A, 0x05, 0x0A], [0x0A, 0x80], [0x80], [0x00], [0x0B], [0x0C],
            [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
            [0x0A, 0x02, 0x12, 0x05], [0x0A, 0x03, 0x12, 0x01, 0x09],
        ] as [[UInt8]])
    func refusesMalformedRequests(_ bytes: [UInt8]) {
        #expect { try decode(bytes) } throws: {
            if case .malformed = $0 as? RemoteWriteError { true } else { false }
        }
    }

    @Test func everyTruncationFailsOrIsWholeSeries() throws {
        var random = SeededGenerator(seed: 23)
        let bytes = encode(RemoteWriteSample.batch(&random, series: 4))
        for count in 0..<bytes.count { _ = try? decode(Array(bytes[..<count])) }
    }

    @Test func bitFlipsNeverCrash() throws {
        var random = SeededGenerator(seed: 24)
        let original = encode(RemoteWriteSample.batch(&random, series: 6))
        for _ in 0..<20_000 {
            var bytes = original
            for _ in 0...Int(random.next() % 4) {
                let bit = random.next() % UInt64(bytes.count * 8)
                bytes[Int(bit / 8)] ^= 1 << UInt8(bit % 8)
            }
            guard let (batch, report) = try? decode(bytes) else { continue }
            #expect(batch.sampleCount == report.samples)
            for i in 0..<batch.seriesCount {
                let list = batch.labels(i).list
                #expect(zip(list, list.dropFirst()).allSatisfy { utf8Precedes($0.name, $1.name) })
                #expect(batch.labels(i)[Labels.metricName] != nil)
            }
        }
    }
}
