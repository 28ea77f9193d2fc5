import Bedrock
import Formats
import Instruments
import Model
import Receivers
import Testing
import Transport

@Suite struct RemoteWriteReceiverTests {
    private let up = Labels([Label("__name__", "up"), Label("job", "a")])

    @Test(arguments: ["/api/v1/write", "/api/v1/push"]) func storesAndAnswers204(_ path: String) throws {
        let test = try TestReceiver()
        let batch = TestReceiver.batch(up)
        batch.append(timestamp: 2000, histogram: NativeHistogram(count: 1, sum: 1, zeroCount: 1))
        batch.append(MetricMetadata(family: "up", kind: .gauge, help: "Up."))
        let answer = try test.post(path, TestReceiver.body(batch))
        #expect(answer.status == 204)
        #expect(answer.text.isEmpty)
        #expect(
            test.sink.written == [
                .init(
                    samples: ["up{job=\"a\"} 1.5 1000"], histograms: 1,
                    metadata: [MetricMetadata(family: "up", kind: .gauge, help: "Up.")], tenant: "default",
                    producer: nil)
            ])
        let exposed = String(decoding: TextExposition.write(test.registry), as: UTF8.self)
        #expect(exposed.contains("obs_receivers_requests_total{protocol=\"remote_write\",code=\"204\"} 1\n"))
        #expect(exposed.contains("obs_receivers_samples_total{protocol=\"remote_write\"} 2\n"))
    }

    @Test func readsTenantAndProducer() throws {
        let test = try TestReceiver()
        let answer = try test.post(
            "/api/v1/write", TestReceiver.body(TestReceiver.batch(up)),
            [
                "Content-Type": "application/x-protobuf;proto=prometheus.WriteRequest", "X-Scope-OrgID": "team-1",
                "X-Obs-Producer": "agent.host", "X-Obs-Lane": "3", "X-Obs-Sequence": "18446744073709551615",
            ])
        #expect(answer.status == 204)
        #expect(test.sink.written.first?.tenant == "team-1")
        #expect(test.sink.written.first?.producer == .init(name: "agent.host", lane: 3, sequence: .max))
    }

    @Test(
        arguments: [
            (["X-Scope-OrgID": ""], "X-Scope-OrgID must be"),
            (["X-Scope-OrgID": ".."], "X-Scope-OrgID must be"),
            (["X-Scope-OrgID": "a/b"], "X-Scope-OrgID must be"),
            (["X-Scope-OrgID": String(repeating: "a", count: 151)], "X-Scope-OrgID must be"),
            (["X-Obs-Producer": "a b"], "X-Obs-Producer must be"),
            (["X-Obs-Producer": "a"], "needs X-Obs-Lane"),
            (["X-Obs-Producer": "a", "X-Obs-Lane": "4294967296", "X-Obs-Sequence": "1"], "needs X-Obs-Lane"),
            (["X-Obs-Producer": "a", "X-Obs-Lane": "1", "X-Obs-Sequence": "-1"], "needs X-Obs-Sequence"),
        ] as [([String: String], String)])
    func refusesBadHeaders(_ fields: [String: String], _ text: String) throws {
        let test = try TestReceiver()
        var headers: HTTPHeaders = [:]
        for (name, value) in fields { headers.add(name, value) }
        let answer = try test.post("/api/v1/write", TestReceiver.body(TestReceiver.batch(up)), headers)
        #expect(answer.status == 400)
        #expect(answer.text.contains(text), "\(answer.text)")
        #expect(test.sink.written.isEmpty)
    }

    @Test(
        arguments: [
            ["Content-Type": "application/json"],
            ["Content-Type": "application/x-protobuf;proto=io.prometheus.write.v3.Request"],
            ["Content-Type": "application/x-protobuf; proto=other"], ["Content-Encoding": "gzip"],
            ["Content-Encoding": "br"],
        ] as [[String: String]])
    func answers415(_ fields: [String: String]) throws {
        let test = try TestReceiver()
        var headers: HTTPHeaders = [:]
        for (name, value) in fields { headers.add(name, value) }
        var body = ByteBuffer()
        TestReceiver.body(TestReceiver.batch(up)).withUnsafeBytes { Gzip.compress($0, into: &body) }
        #expect(try test.post("/api/v1/write", body.array(), headers).status == 415)
        #expect(test.sink.written.isEmpty)
    }

    @Test func refusesCorruptBodies() throws {
        let test = try TestReceiver()
        let good = TestReceiver.body(TestReceiver.batch(up))
        #expect(try test.post("/api/v1/write", []).status == 400)
        #expect(try test.post("/api/v1/write", Array(good.dropLast(3))).status == 400)
        #expect(try test.post("/api/v1/write", [0xFF, 0xFF, 0xFF]).status == 400)
        let protobuf = try test.post("/api/v1/write", TestReceiver.compressed([0x0A, 0x7F, 0x01]))
        #expect(protobuf.status == 400)
        #expect(protobuf.text.contains("at byte"))
        #expect(test.sink.written.isEmpty)
    }

    @Test func answers413() throws {
        var options = RemoteWriteReceiver.Options()
        options.decompressedBytesMax = 1 << 20
        options.limits.seriesPerRequestMax = 1
        let test = try TestReceiver(remoteWrite: options)
        // A bomb: two megabytes of nothing in a few kilobytes.
        #expect(
            try test.post("/api/v1/write", TestReceiver.compressed([UInt8](repeating: 0, count: 2 << 20))).status == 413
        )
        // A header that only claims a lot.
        #expect(try test.post("/api/v1/write", [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0]).status == 413)
        let batch = TestReceiver.batch(up)
        batch.beginSeries(Labels([Label("__name__", "b")]))
        batch.append(timestamp: 1, value: 1)
        let answer = try test.post("/api/v1/write", TestReceiver.body(batch))
        #expect(answer.status == 413)
        #expect(answer.text == "the request has over 1 series; send smaller ones\n")
    }

    @Test func storesTheValidPartOfARequest() throws {
        let test = try TestReceiver()
        let batch = TestReceiver.batch(up)
        batch.beginSeries(Labels([Label("no", "name")]))
        batch.append(timestamp: 1, value: 1)
        batch.append(timestamp: 2, value: 1)
        let answer = try test.post("/api/v1/write", TestReceiver.body(batch))
        #expect(answer.status == 400)
        #expect(
            answer.text
                == "2 samples were refused, 1 stored. The first: series {no=\"name\"}: the label __name__ is missing\n")
        #expect(test.sink.written.count == 1)
        #expect(
            test.ledger.table == [
                .init(place: "receiver", reason: "missing_metric_name", signal: "metrics", records: 2)
            ])
    }

    @Test(
        arguments: [
            (.invalid("bad"), 400, nil), (.tooLarge("big"), 413, nil),
            (.tenantLimit("much", retryAfterSeconds: 7), 429, "7"),
            (.overloaded("busy", retryAfterSeconds: 3), 503, "3"), (.diskFull("no room"), 503, "5"),
            (.unavailable("gone"), 503, "5"),
        ] as [(WriteError, Int, String?)])
    func mapsTheSinksErrors(_ error: WriteError, _ status: Int, _ retryAfter: String?) throws {
        let test = try TestReceiver()
        test.sink.answer(.failure(error))
        let answer = try test.post("/api/v1/write", TestReceiver.body(TestReceiver.batch(up)))
        #expect(answer.status == status)
        #expect(answer.text == error.description + "\n")
        #expect(answer.headers["Retry-After"] == retryAfter)
        #expect(answer.headers["Content-Type"] == "text/plain; charset=utf-8")
        #expect(test.ledger.total() == 0)
    }

    private static let version2: HTTPHeaders = [
        "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request", "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "2.0.0",
    ]

    private func written(_ headers: HTTPHeaders) -> [String?] {
        ["Samples", "Histograms", "Exemplars"].map { headers["X-Prometheus-Remote-Write-\($0)-Written"] }
    }

    /// Symbols, and a series of `m` with a sample, an exemplar and, as asked for, a histogram; or one without a name.
    private func version2(bad: Bool = false, label: String = "trace_id") -> [UInt8] {
        let one: [UInt8] = [
            0x0A, 2, 1, 2,  // labels_refs: __name__, m
            0x12, 9 + 3, 0x09, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0x10, 0xE8, 0x07,  // sample: 1 at 1000
            0x22, 4 + 3, 0x0A, 2, 3, 2, 0x18, 0xE8, 0x07,  // exemplar: label refers to m, at 1000
        ]
        let histogram: [UInt8] = [0x0A, 2, 1, 2, 0x1A, 6, 0x08, 1, 0x30, 1, 0x78, 5]  // count and zero count 1, at 5
        let nameless: [UInt8] = [0x0A, 2, 3, 2, 0x12, 2, 0x10, 1]
        var message: [UInt8] = []
        for symbol in ["", "__name__", "m", label] { message += [0x22, UInt8(symbol.utf8.count)] + Array(symbol.utf8) }
        for series in bad ? [one, histogram, nameless] : [one, histogram] {
            message += [0x2A, UInt8(series.count)] + series
        }
        return TestReceiver.compressed(message)
    }

    @Test func takesVersion2AndSaysHowMuch() throws {
        let test = try TestReceiver()
        let answer = try test.post("/api/v1/write", version2(), Self.version2)
        #expect(answer.status == 204, "\(answer.text)")
        #expect(written(answer.headers) == ["1", "1", "1"])
        #expect(test.sink.written.map(\.samples) == [["m 1.0 1000"]])
        #expect(test.sink.written.map(\.exemplars) == [1])
        let partial = try test.post("/api/v1/write", version2(bad: true), Self.version2)
        #expect(partial.status == 400)
        #expect(partial.text.contains("the label __name__ is missing"))
        #expect(written(partial.headers) == ["1", "1", "1"])
        let exemplar = try test.post("/api/v1/write", version2(label: ""), Self.version2)
        #expect(exemplar.status == 400)
        #expect(exemplar.text == "1 exemplars were refused, all samples stored\n")
        #expect(written(exemplar.headers) == ["1", "1", "0"])
        let broken = try test.post("/api/v1/write", [1, 2, 3], Self.version2)
        #expect(broken.status == 400)
        #expect(written(broken.headers) == ["0", "0", "0"])
        test.sink.answer(.failure(.diskFull("no room")))
        let refused = try test.post("/api/v1/write", version2(), Self.version2)
        #expect(refused.status == 503)
        #expect(written(refused.headers) == ["0", "0", "0"])
        let first = try test.post("/api/v1/write", TestReceiver.body(TestReceiver.batch(up)))
        #expect(written(first.headers) == [nil, nil, nil])
    }

    @Test func reportsWhatTheSinkRefused() throws {
        let test = try TestReceiver()
        test.sink.answer(.success(WriteReceipt(accepted: 3, rejected: 2, firstRejection: "too old")))
        let answer = try test.post("/api/v1/write", TestReceiver.body(TestReceiver.batch(up)))
        #expect(answer.status == 400)
        #expect(answer.text == "2 samples were refused, 3 stored. The first: too old\n")
    }

    @Test func answers503WithoutMemory() throws {
        let test = try TestReceiver(memory: 10)
        let answer = try test.post("/api/v1/write", TestReceiver.body(TestReceiver.batch(up)))
        #expect(answer.status == 503)
        #expect(answer.headers["Retry-After"] == "1")
    }

    @Test func reusesBatchesWithoutMixingThem() throws {
        let test = try TestReceiver()
        for i in 0..<20 {
            let labels = Labels([Label("__name__", "m"), Label("i", String(i))])
            #expect(
                try test.post(
                    "/api/v1/write", TestReceiver.body(TestReceiver.batch(labels, [Sample(Int64(i), Double(i))]))
                ).status == 204)
        }
        #expect(test.sink.written.map(\.samples) == (0..<20).map { ["m{i=\"\($0)\"} \(Double($0)) \($0)"] })
    }
}
