import Bedrock
import Collector
import Formats
import Foundation
import Instruments
import LogKit
import Model
import Testing

/// Real senders against a real obsd; what is stored is read from its data folder once it has ended.
@Suite(.serialized) struct LogIngestTests {
    private static func stored(_ data: String) throws -> [StoredLines.Row] {
        let storage = try LogStorage(
            StorageHome(data, ballastBytes: 0), ledger: LossLedger(registry: InstrumentRegistry()))
        defer { _ = storage.close(deadlineNanoseconds: 10_000_000_000) }
        return try StoredLines.all(storage.source)
    }

    private func port(_ server: ObsdProcess, _ name: String) throws -> String {
        let line = try #require(server.logText.split(separator: "\n").first { $0.contains("receiving syslog") })
        let start = try #require(line.range(of: " \(name)="))
        return String(line[start.upperBound...].prefix { $0 != " " })
    }

    private let megabyte = String(repeating: "m", count: 1 << 20)

    @Test func loggerDeliversItsLinesOverTCPAndUDP() throws {
        guard let logger = Programs.tool("logger") else {
            print("skipped: no logger; apt-get install bsdutils")
            return
        }
        let folder = try TemporaryFolder()
        let data = folder.path + "/data"
        let server = try ObsdProcess(
            "collector", data: data, ["--syslog-tcp", "127.0.0.1:0", "--syslog-udp", "127.0.0.1:0"])
        let odd: [UInt8] = Array("odd ".utf8) + [0xFF, 0xC0, 0x80] + Array(" end".utf8)
        let file = folder.path + "/lines"
        try Data(odd + [10] + Array("two  spaces\ttab".utf8) + [10]).write(to: URL(fileURLWithPath: file))
        let long = folder.path + "/long"
        try Data(Array(megabyte.utf8) + [10]).write(to: URL(fileURLWithPath: long))
        let to = ["--server", "127.0.0.1", "--tag", "tester", "--priority", "local3.warning"]
        for (arguments, port) in [
            (["--tcp", "--rfc5424", "--file", file], "tcp"),
            (["--tcp", "--octet-count", "--rfc5424", "tcp counted"], "tcp"),
            (["--tcp", "--rfc3164", "tcp old"], "tcp"), (["--udp", "--rfc5424", "udp new"], "udp"),
            (["--udp", "--rfc3164", "udp old"], "udp"),
            (["--tcp", "--size", "1100000", "--rfc5424", "--file", long], "tcp"),
        ] {
            let finished = try run(logger, to + ["--port", try self.port(server, port)] + arguments)
            #expect(finished.status == 0, "\(finished.errors)")
        }
        for _ in 0..<100 {
            if try server.get("/metrics").body.contains(#"obs_receivers_lines_total{protocol="syslog"} 7"#) { break }
            usleep(100_000)
        }
        #expect(server.stop() == 0)
        let rows = try Self.stored(data).filter { $0.labels.contains(#"app="tester""#) }
        #expect(
            rows.allSatisfy { $0.labels.contains(#"facility="local3""#) && $0.labels.contains(#"severity="warning""#) })
        let wanted: [[UInt8]] =
            [odd]
            + ["two  spaces\ttab", "tcp counted", "tcp old", "udp new", "udp old", megabyte].map { Array($0.utf8) }
        #expect(Set(rows.map(\.line)) == Set(wanted))
        #expect(rows.count == wanted.count)
    }

    @Test func thePythonSDKDeliversItsRecords() throws {
        guard let python = Programs.tool("python3"),
            try run(python, ["-c", "import opentelemetry.sdk, opentelemetry.exporter.otlp.proto.http"]).status == 0
        else {
            print(
                "skipped: no OpenTelemetry SDK for Python; pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
            )
            return
        }
        let folder = try TemporaryFolder()
        let data = folder.path + "/data"
        let server = try ObsdProcess("collector", data: data)
        let script = """
            import logging, sys
            from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
            from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
            from opentelemetry.exporter.otlp.proto.http import Compression
            provider = LoggerProvider(resource=Resource.create({"service.name": "py", "host.name": "h"}))
            provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=sys.argv[1], compression=Compression.Gzip)))
            log = logging.getLogger("shop")
            log.setLevel(logging.INFO)
            log.addHandler(LoggingHandler(logger_provider=provider))
            for line in ["hello", "ünï — 😀\\n\\ttab", "", "m" * 1048576]:
                log.warning(line, extra={"order.id": 7})
            provider.shutdown()
            """
        let finished = try run(python, ["-c", script, server.url + "/v1/logs"])
        #expect(finished.status == 0, "\(finished.errors.suffix(2000))")
        #expect(server.stop() == 0)
        let rows = try Self.stored(data).filter { $0.labels.contains(#"service_name="py""#) }
        #expect(Set(rows.map(\.line)) == Set(["hello", "ünï — 😀\n\ttab", "", megabyte].map { Array($0.utf8) }))
        #expect(rows.count == 4)
        let first = rows.first { $0.line == Array("hello".utf8) }?.metadata ?? ""
        for field in [
            #"order_id="7""#, #"severity_text="WARN"#, #"severity_number="13""#, #"host_name="h""#,
            #"scope_name="shop""#,
        ] {
            #expect(first.contains(field), "\(field) in \(first)")
        }
    }

    @Test func pushesOfEveryKindAndItsOwnLogAreStored() throws {
        let folder = try TemporaryFolder()
        let data = folder.path + "/data"
        let server = try ObsdProcess("collector", data: data, ["--otlp-http", "127.0.0.1:0"])
        let now = Int64(Date().timeIntervalSince1970) * 1_000_000_000
        let batch = LogBatch()
        batch.beginStream(Labels([Label("kind", "loki")]))
        let odd: [UInt8] = [0xFF, 0x00, 0x0A, 0x80]
        odd.withUnsafeBytes { batch.append(timestamp: now, line: $0) }
        batch.append(timestamp: now + 1, line: "")
        batch.append(timestamp: now + 2, line: megabyte, metadata: Labels([Label("k", "v")]))
        var body = ByteBuffer()
        LokiPushEncoder.body(batch, into: &body)
        let protobuf = ["Content-Type": "application/x-protobuf"]
        #expect(try server.post("/loki/api/v1/push", Data(body.array()), headers: protobuf).status == 204)
        let json = ["Content-Type": "application/json"]
        let push = #"{"streams":[{"stream":{"kind":"json"},"values":[["\#(now)","json"]]}]}"#
        #expect(try server.post("/loki/api/v1/push", Data(push.utf8), headers: json).status == 204)
        let bulk = "{\"create\":{}}\n{\"@timestamp\":\(now / 1_000_000),\"message\":\"bulk\"}\n"
        let answer = try server.post("/app/_bulk", Data(bulk.utf8), headers: json)
        #expect(answer.status == 200 && answer.body.contains(#""errors":false"#), "\(answer.body)")
        let lines = "{\"_time\":\(now),\"_msg\":\"line\",\"kind\":\"vl\"}\n"
        #expect(try server.post("/insert/jsonline?_stream_fields=kind", Data(lines.utf8)).status == 200)
        let otlp = try #require(server.waitForLog("receiving OTLP"))
        let url = try #require(otlp.range(of: "address=").map { otlp[$0.upperBound...].prefix { $0 != " " } })
        let record = #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"otlp"}}]}]}]}"#
        #expect(try HTTP.exchange("POST", "\(url)/v1/logs", body: Data(record.utf8), headers: json).status == 200)
        let metrics = try server.get("/metrics").body
        #expect(metrics.contains(#"obs_receivers_lines_total{protocol="loki"} 4"#))
        #expect(metrics.contains(#"obs_lsm_records_written_total{signal="logs"}"#))
        usleep(1_200_000)
        #expect(server.stop() == 0)
        let rows = try Self.stored(data)
        func stream(_ labels: String) -> [[UInt8]] { rows.filter { $0.labels == labels }.map(\.line) }
        #expect(stream(#"{kind="loki"}"#) == [odd, [], Array(megabyte.utf8)])
        #expect(stream(#"{kind="json"}"#) == [Array("json".utf8)])
        #expect(stream(#"{index="app"}"#) == [Array("bulk".utf8)])
        #expect(stream(#"{kind="vl"}"#) == [Array("line".utf8)])
        #expect(stream(#"{service_name="unknown_service"}"#) == [Array("otlp".utf8)])
        let own = stream(#"{level="info", role="collector", service_name="obsd"}"#)
        #expect(own.contains { String(decoding: $0, as: UTF8.self).contains("storage is ready") })
    }
}
