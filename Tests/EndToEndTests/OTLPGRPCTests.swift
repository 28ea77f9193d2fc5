import Foundation
import Testing

/// OpenTelemetry's own exporter over gRPC, against a real obsd.
@Suite(.serialized) struct OTLPGRPCTests {
    @Test func thePythonSDKDeliversLogsOverGRPC() throws {
        guard let python = Programs.tool("python3"),
            try run(python, ["-c", "import opentelemetry.sdk, opentelemetry.exporter.otlp.proto.grpc"]).status == 0
        else {
            print(
                "skipped: no OTLP exporter for Python; pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-grpc"
            )
            return
        }
        let folder = try TemporaryFolder()
        let server = try ObsdProcess("collector", data: folder.path + "/data", ["--otlp-grpc", "127.0.0.1:0"])
        let line = try #require(server.waitForLog("receiving OTLP over gRPC"))
        let start = try #require(line.range(of: "address="))
        let address = String(line[start.upperBound...].prefix { $0 != " " })
        let script = """
            import logging, sys, grpc
            from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
            from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
            for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
                provider = LoggerProvider(resource=Resource.create({"service.name": "py"}))
                exporter = OTLPLogExporter(endpoint=sys.argv[1], insecure=True, compression=compression)
                provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
                log = logging.getLogger("shop" + str(compression))
                log.addHandler(LoggingHandler(logger_provider=provider))
                for line in ["hello", "ünï — 😀", "m" * 1048576]: log.warning(line)
                provider.shutdown()
            export = grpc.insecure_channel(sys.argv[1]).unary_unary("/opentelemetry.proto.collector.logs.v1.LogsService/Export")
            def code(message, **more):
                try: return repr(export(message, **more))
                except grpc.RpcError as error: return error.code().name
            print(code(b""), code(b"\\xff\\xff\\xff"), code(b"", metadata=[("x-scope-orgid", "not/valid")]))
            """
        let finished = try run(python, ["-c", script, address])
        #expect(finished.status == 0, "\(finished.errors.suffix(2000))")
        #expect(finished.output == "b'' INVALID_ARGUMENT INVALID_ARGUMENT\n")
        let metrics = try server.get("/metrics").body
        #expect(metrics.contains(#"obs_receivers_lines_total{protocol="otlp"} 6"#))
        #expect(metrics.contains("obs_transport_grpc_failures_total 2"))
        #expect(server.stop() == 0)
    }
}
