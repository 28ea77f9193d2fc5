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
            ["Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"],
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
