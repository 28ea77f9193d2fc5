import Bedrock
import Formats
import Model
import Synchronization
import Testing
import Transport

@testable import Agent

@Suite struct RemoteWriteDestinationTests {
    @Test func requestsAreAsTheSpecificationSays() throws {
        let server = StubServer()
        server.answer("http://u:pw@r/write?token=t") { _ in .success(HTTPResponse(status: 204)) }
        var options = RemoteWriteDestination.Options(url: "http://u:pw@r/write?token=t")
        options.externalLabels = [LabelPair("job", "mine"), LabelPair("zone", "eu")]
        let destination = RemoteWriteDestination(options, caller: server)
        #expect(destination.name == "http://r/write")
        let result = Mutex<DeliveryOutcome?>(nil)
        let sent = MetricBatch()
        sent.beginSeries(Labels(["__name__": "m", "job": "theirs"]))
        sent.append(timestamp: 1_000, value: StaleMarker.value)
        let origin = BatchOrigin(producer: BatchOrigin.Producer(name: "here/1", lane: 2, sequence: 3))
        destination.send(sent, origin: origin) { outcome in result.withLock { $0 = outcome } }
        #expect(result.withLock { $0 } == .delivered(rejected: 0, firstRejection: nil))
        let call = try #require(server.calls.first)
        #expect(call.method == .post && call.headers["Content-Encoding"] == "snappy")
        #expect(call.headers["Content-Type"] == "application/x-protobuf")
        #expect(call.headers["X-Prometheus-Remote-Write-Version"] == "0.1.0")
        #expect(call.headers["X-Obs-Producer"] == "here/1")
        #expect(call.headers["X-Obs-Lane"] == "2" && call.headers["X-Obs-Sequence"] == "3")
    }

    @Test(arguments: [
        (200, "delivered"), (204, "delivered"), (400, "refused"), (401, "refused"), (404, "refused"), (413, "refused"),
        (429, "retry"), (500, "retry"), (502, "retry"), (503, "retry"), (504, "retry"),
    ])
    func statusesMeanWhatTheSpecificationSays(_ status: Int, _ expected: String) {
        let outcome = RemoteWriteDestination.outcome(
            .success(HTTPResponse(status: status, headers: ["Retry-After": "7"], body: Array("why\n".utf8))),
            samples: 5, now: 0)
        switch outcome {
        case .delivered: #expect(expected == "delivered")
        case .refused(let reason, let text):
            #expect(expected == "refused" && reason == "http_\(status)" && text == "HTTP status \(status): why")
        case .retry(_, let afterSeconds): #expect(expected == "retry" && afterSeconds == 7)
        }
        let silent = RemoteWriteDestination.outcome(.failure(.timeout(seconds: 1)), samples: 5, now: 0)
        #expect(silent == .retry(text: "no answer within 1.0 s", afterSeconds: nil))
        let partial = RemoteWriteDestination.outcome(
            .success(
                HTTPResponse(
                    status: 400, headers: ["X-Prometheus-Remote-Write-Samples-Written": "3"], body: Array("old".utf8))),
            samples: 5, now: 0)
        #expect(partial == .delivered(rejected: 2, firstRejection: "old"))
    }

    @Test func producerNamesAreFitForHeaders() {
        #expect(ProducerName.make("web 1/ä", identity: 255) == "web-1----ff")
        #expect(ProducerName.make(String(repeating: "x", count: 500), identity: .max).utf8.count <= 150)
    }
}
