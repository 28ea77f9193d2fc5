import Bedrock
import Formats
import Model
import Testing

/// Writes requests of remote write 2.0.
struct SymbolRequest {
    private var symbols: [String] = [""]
    private var numbers: [String: UInt64] = ["": 0]
    private var series = WireMessage()

    mutating func symbol(_ text: String) -> UInt64 {
        if let known = numbers[text] { return known }
        symbols.append(text)
        numbers[text] = UInt64(symbols.count - 1)
        return UInt64(symbols.count - 1)
    }

    mutating func references(_ labels: [(String, String)]) -> [UInt64] {
        labels.flatMap { [symbol($0.0), symbol($0.1)] }
    }

    mutating func series(_ labels: [(String, String)], _ fill: (inout WireMessage, inout SymbolRequest) -> Void) {
        let references = references(labels)
        var message = WireMessage()
        message.packedVarints(1, references)
        fill(&message, &self)
        series.bytes(5, message.bytes)
    }

    mutating func exemplar(
        _ message: inout WireMessage, _ labels: [(String, String)], _ value: Double, _ time: Int64
    ) {
        let references = references(labels)
        message.bytes(4) { exemplar in
            exemplar.packedVarints(1, references)
            exemplar.double(2, value)
            exemplar.varint(3, UInt64(bitPattern: time))
        }
    }

    /// - Parameter symbolsLast: behind the series, which is allowed and unusual.
    func bytes(symbolsLast: Bool = false) -> [UInt8] {
        var table = WireMessage()
        for text in symbols { table.string(4, text) }
        return symbolsLast ? series.bytes + table.bytes : table.bytes + series.bytes
    }
}

@Suite struct RemoteWriteVersion2Tests {
    private func decode(
        _ bytes: [UInt8], limits: RemoteWriteLimits = RemoteWriteLimits()
    ) throws -> (batch: MetricBatch, report: RemoteWriteReport) {
        let batch = MetricBatch()
        var decoder = RemoteWriteDecoder(limits: limits)
        let report = try bytes.withUnsafeBytes { try decoder.decodeVersion2($0, into: batch) }
        return (batch, report)
    }

    private func request() -> SymbolRequest {
        var request = SymbolRequest()
        request.series([("__name__", "up"), ("job", "a")]) { message, request in
            message.sample(1.5, 1000)
            message.bytes(2) {
                $0.double(1, 2); $0.varint(2, 2000); $0.varint(3, 500)
            }
            request.exemplar(&message, [("trace_id", "x")], 7, 999)
            let help = request.symbol("Whether it is up.")
            message.bytes(5) {
                $0.varint(1, 2); $0.varint(3, help)
            }
        }
        request.series([("__name__", "latency_bucket"), ("le", "+Inf")]) { message, request in
            message.sample(3, 1000)
            let (help, unit) = (request.symbol("How long."), request.symbol("seconds"))
            for _ in 0..<2 {
                message.bytes(5) {
                    $0.varint(1, 3); $0.varint(3, help); $0.varint(4, unit)
                }
            }
        }
        request.series([("__name__", "native")]) { message, _ in
            message.bytes(3) { m in
                m.varint(1, 3)
                m.double(3, 1)
                m.bytes(11) {
                    $0.zigzag(1, 0); $0.varint(2, 1)
                }
                m.packedZigzag(12, [3])
                m.varint(15, 1000)
                m.varint(17, 5)
            }
        }
        return request
    }

    @Test(arguments: [false, true]) func readsAll(symbolsLast: Bool) throws {
        let (batch, report) = try decode(request().bytes(symbolsLast: symbolsLast))
        #expect(
            (0..<3).map { batch.labels($0).description } == [
                #"up{job="a"}"#, #"latency_bucket{le="+Inf"}"#, "native",
            ])
        #expect(Array(batch.timestamps) == [1000, 2000, 1000])
        #expect(Array(batch.values) == [1.5, 2, 3])
        #expect(batch.histograms.map(\.histogram.count) == [3])
        #expect(batch.exemplars.map(\.series) == [0])
        #expect(batch.withLabels(batch.exemplars[0]) { Labels(canonical: $0) } == Labels(["trace_id": "x"]))
        #expect((report.samples, report.exemplars, report.rejectedTotal) == (4, 1, 0))
        #expect(
            batch.metadata == [
                MetricMetadata(family: "up", kind: .gauge, help: "Whether it is up."),
                MetricMetadata(family: "latency", kind: .histogram, help: "How long.", unit: "seconds"),
            ])
    }

    @Test func refusesBadSeriesAlone() throws {
        var request = request()
        request.series([("job", "b")]) { message, _ in message.sample(1, 1) }
        request.series([("__name__", "empty")]) { message, request in
            request.exemplar(&message, [("trace_id", "x")], 7, 999)
        }
        request.series([("__name__", "odd")]) { message, _ in
            message.varint(1, 0)
            message.sample(1, 1)
        }
        request.series([("__name__", "far")]) { message, _ in
            message.packedVarints(1, [77, 78])
            message.sample(1, 1)
        }
        request.series([("__name__", "twice"), ("a", "1"), ("a", "2")]) { message, _ in message.sample(1, 1) }
        let (batch, report) = try decode(request.bytes())
        #expect(batch.seriesCount == 3)
        #expect(batch.exemplars.count == 1)
        #expect(report.rejected(.missingName) == 1)
        #expect(report.rejected(.noSamples) == 1)
        #expect(report.rejected(.badReference) == 2)
        #expect(report.rejected(.duplicateLabel) == 1)
        #expect((report.exemplars, report.exemplarsRefused) == (1, 1))
        #expect(report.firstRejection == #"series {job="b"}: the label __name__ is missing"#)
    }

    @Test func refusesRequestsThatAreNone() {
        var message = WireMessage()
        message.string(4, "not empty")
        #expect(throws: RemoteWriteError.self) { try decode(message.bytes) }
        var request = request()
        for i in 0..<3 { request.series([("__name__", "m\(i)")]) { message, _ in message.sample(1, 1) } }
        let bytes = request.bytes()
        var failures = 0
        for length in bytes.indices { if (try? decode(Array(bytes.prefix(length)))) == nil { failures += 1 } }
        #expect(failures > bytes.count / 2)
    }

    @Test func refusesTooLargeRequests() {
        func text(_ change: (inout RemoteWriteLimits) -> Void) -> String {
            var limits = RemoteWriteLimits()
            change(&limits)
            do { _ = try decode(request().bytes(), limits: limits) } catch { return "\(error)" }
            return "taken"
        }
        #expect(text { $0.symbolsPerRequestMax = 3 } == "the request has over 3 symbols; send smaller ones")
        #expect(text { $0.samplesPerRequestMax = 3 } == "the request has over 3 samples; send smaller ones")
        #expect(text { $0.seriesPerRequestMax = 2 } == "the request has over 2 series; send smaller ones")
        #expect(text { $0.exemplarsPerRequestMax = 0 } == "the request has over 0 exemplars; send smaller ones")
        #expect(text { $0.metadataPerRequestMax = 1 } == "the request has over 1 metadata; send smaller ones")
        #expect(text { $0.samplesPerRequestMax = 4 } == "taken")
    }

    @Test func aRequestOfTheOtherVersionIsEmpty() throws {
        var message = WireMessage()
        message.bytes(1) {
            $0.label("__name__", "m"); $0.sample(1, 1)
        }
        #expect(try decode(message.bytes).batch.isEmpty)
        let batch = MetricBatch()
        var decoder = RemoteWriteDecoder()
        _ = try request().bytes().withUnsafeBytes { try decoder.decode($0, into: batch) }
        #expect(batch.isEmpty)
    }

    @Test func damageNeverCrashes() {
        var random = SeededGenerator(seed: 31)
        let original = request().bytes()
        for _ in 0..<20_000 {
            var bytes = original
            for _ in 0...Int(random.next() % 4) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            guard let (batch, report) = try? decode(bytes) else { continue }
            #expect(batch.sampleCount == report.samples)
            for i in 0..<batch.seriesCount { #expect(batch.labels(i)[Labels.metricName] != nil) }
        }
    }
}
