import Formats
import Foundation
import Testing

/// OpenTelemetry's SDK for Python sends all three signals of one request; each comes back as it was sent, and the trace's id links them.
@Suite(.serialized) struct OTLPTracesTests {
    private static let script = """
        import json, logging, sys, time
        from opentelemetry import trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
        kind, where = sys.argv[1], sys.argv[2]
        if kind == "grpc":
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
            from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
            from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
            spans, metrics, logs = (E(endpoint=where, insecure=True) for E in (OTLPSpanExporter, OTLPMetricExporter, OTLPLogExporter))
        else:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
            from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
            spans, metrics, logs = (E(endpoint=where + "/v1/" + p) for E, p in ((OTLPSpanExporter, "traces"), (OTLPMetricExporter, "metrics"), (OTLPLogExporter, "logs")))
        sent = []
        class Keep(SpanExporter):
            def export(self, batch):
                sent.extend(batch)
                return spans.export(batch)
        resource = Resource.create({"service.name": "py", "service.instance.id": kind})
        tracers = TracerProvider(resource=resource)
        tracers.add_span_processor(SimpleSpanProcessor(Keep()))
        meters = MeterProvider([PeriodicExportingMetricReader(metrics, export_interval_millis=3600000)], resource=resource)
        loggers = LoggerProvider(resource=resource)
        loggers.add_log_record_processor(BatchLogRecordProcessor(logs))
        log = logging.getLogger("shop")
        log.addHandler(LoggingHandler(logger_provider=loggers))
        trace.set_tracer_provider(tracers)
        tracer, meter = trace.get_tracer("lib", "2.1"), meters.get_meter("lib")
        wait = meter.create_histogram("wait", "s")
        with tracer.start_as_current_span("POST /order", kind=trace.SpanKind.SERVER, attributes={
                "text": "grüße 🎉", "empty": "", "int": -7, "big": 2**62, "float": 1.5, "yes": True, "list": ["a", "b"], "numbers": [1, 2]}) as root:
            log.warning("order placed")
            wait.record(0.3)
            link = trace.Link(root.get_span_context(), {"why": "retry"})
            with tracer.start_as_current_span("charge", kind=trace.SpanKind.CLIENT, links=[link]) as child:
                child.add_event("sent", {"bytes": 12})
                child.set_status(trace.Status(trace.StatusCode.ERROR, "declined"))
        meters.shutdown(); loggers.shutdown(); tracers.shutdown()
        def values(d): return {k: list(v) if isinstance(v, tuple) else v for k, v in dict(d or {}).items()}
        print(json.dumps({"trace": format(root.get_span_context().trace_id, "032x"), "spans": {s.name: {
            "id": format(s.context.span_id, "016x"), "parent": format(s.parent.span_id, "016x") if s.parent else "",
            "kind": s.kind.value + 1, "start": str(s.start_time), "end": str(s.end_time), "status": s.status.status_code.value,
            "message": s.status.description or "", "attributes": values(s.attributes),
            "events": [[e.name, str(e.timestamp), values(e.attributes)] for e in s.events],
            "links": [[format(l.context.span_id, "016x"), values(l.attributes)] for l in s.links]} for s in sent}}, sort_keys=True))
        """

    /// Python reads the answer into the same form, so that the two are compared value by value.
    private static let reader = """
        import base64, json, sys
        def value(v):
            (k, x), = v.items() if v else (("none", None),)
            return {"stringValue": lambda: x, "intValue": lambda: int(x), "doubleValue": lambda: x, "boolValue": lambda: x,
                "arrayValue": lambda: [value(e) for e in x.get("values", [])], "none": lambda: None}[k]()
        def values(a): return {e["key"]: value(e["value"]) for e in a or []}
        def hexed(b): return base64.b64decode(b).hex() if b else ""
        kinds = {"SPAN_KIND_SERVER": 2, "SPAN_KIND_CLIENT": 3}
        states = {None: 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
        spans, trace = {}, ""
        for group in json.load(sys.stdin)["batches"]:
            for scope in group["scopeSpans"]:
                assert scope["scope"] == {"name": "lib", "version": "2.1"}, scope["scope"]
                for s in scope["spans"]:
                    trace = hexed(s["traceId"])
                    spans[s["name"]] = {"id": hexed(s["spanId"]), "parent": hexed(s.get("parentSpanId")), "kind": kinds[s["kind"]],
                        "start": s["startTimeUnixNano"], "end": s["endTimeUnixNano"], "status": states[s["status"].get("code")],
                        "message": s["status"].get("message", ""), "attributes": values(s.get("attributes")),
                        "events": [[e["name"], e["timeUnixNano"], values(e.get("attributes"))] for e in s.get("events", [])],
                        "links": [[hexed(l["spanId"]), values(l.get("attributes"))] for l in s.get("links", [])]}
        print(json.dumps({"trace": trace, "spans": spans}, sort_keys=True))
        """

    @Test(arguments: ["grpc", "http"]) func allSignalsComeBack(_ kind: String) throws {
        guard let python = Programs.tool("python3"),
            try run(python, ["-c", "import opentelemetry.sdk, opentelemetry.exporter.otlp.proto.\(kind)"]).status == 0
        else {
            print(
                "skipped: no OTLP exporter for Python; pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-\(kind)"
            )
            return
        }
        let folder = try TemporaryFolder()
        let server = try ObsdProcess(
            "collector", data: folder.path + "/data", ["--otlp-http", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0"])
        let line = try #require(
            server.waitForLog(kind == "grpc" ? "receiving OTLP over gRPC" : "receiving OTLP over HTTP"))
        let place = try #require(line.range(of: "address="))
        let address = String(line[place.upperBound...].prefix { $0 != " " })
        let finished = try run(python, ["-c", Self.script, kind, address])
        #expect(finished.status == 0, "\(finished.errors.suffix(2000))")
        let sent = finished.output
        let trace = try #require(try JSONValue(parsing: sent)["trace"]?.string)

        let answer = try server.get("/tempo/api/traces/" + trace).body
        let read = try run(python, ["-c", Self.reader], input: Data(answer.utf8))
        #expect(read.output == sent, "\(read.errors)")

        let logs = try run(
            Programs.obsq,
            ["logs", "{service_name=~\".+\"} | trace_id=\"\(trace)\"", "--server", server.url, "-o", "raw"])
        #expect(logs.output == "order placed\n", "\(logs)")
        let drawn = try run(Programs.obsq, ["trace", trace, "--server", server.url])
        for word in ["py: POST /order", "✗ py: charge", "declined", "order placed"] {
            #expect(drawn.output.contains(word), "\(word): \(drawn)")
        }
        let found = try run(Programs.obsq, ["traces", "--errors", "--ids", "--server", server.url])
        #expect(found.output == trace + "\n", "\(found)")
        #expect(try HTTP.value(server.url, #"wait_seconds_count{instance="\#(kind)"}"#) == 1)
        let exemplars = try server.get("/api/v1/query_exemplars?query=wait_seconds_bucket&start=0&end=4000000000").body
        #expect(exemplars.contains(trace), "\(exemplars)")
        #expect(server.stop() == 0)
    }

    @Test func badTracesAreRefusedAndGoodOnesKept() throws {
        let folder = try TemporaryFolder()
        let server = try ObsdProcess("collector", data: folder.path + "/data", [])
        let good =
            #"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"a","startTimeUnixNano":"\#(UInt64(Date().timeIntervalSince1970))000000000","endTimeUnixNano":"\#(UInt64(Date().timeIntervalSince1970))500000000"}"#
        let bad = #"{"traceId":"00","spanId":"eee19b7ec3c1b174","name":"b"}"#
        let body = #"{"resourceSpans":[{"scopeSpans":[{"spans":[\#(good),\#(bad)]}]}]}"#
        let taken = try server.post("/v1/traces", Data(body.utf8), headers: ["Content-Type": "application/json"])
        #expect(taken.status == 200 && taken.body.contains(#""rejectedSpans":"1""#), "\(taken)")
        #expect(try server.get("/api/traces/5b8efff798038103d269b633813fc60c").status == 200)
        for (text, type, status) in [
            ("{", "application/json", 400), ("\n9", "application/x-protobuf", 400), ("", "text/plain", 415),
        ] {
            #expect(try server.post("/v1/traces", Data(text.utf8), headers: ["Content-Type": type]).status == status)
        }
        #expect(server.stop() == 0)
    }

    @Test func keepsWholeTracesThatPoliciesWant() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(
            "obsd.yml", "sampling:\n  decision_wait: 200ms\n  policies:\n    - {name: failed, type: error}\n")
        let server = try ObsdProcess("collector", data: folder.path + "/data", ["--config", file])
        let now = UInt64(Date().timeIntervalSince1970)
        // The root comes first, and only the second span of every fifth trace fails.
        for span in 1...2 {
            let spans = (1...20).map { trace in
                let status = span == 2 && trace % 5 == 0 ? #","status":{"code":2}"# : ""
                let id = String(format: "%032x", trace)
                return
                    #"{"traceId":"\#(id)","spanId":"000000000000000\#(span)","name":"s","startTimeUnixNano":"\#(now)000000000","endTimeUnixNano":"\#(now)500000000"\#(status)}"#
            }
            let body = #"{"resourceSpans":[{"scopeSpans":[{"spans":[\#(spans.joined(separator: ","))]}]}]}"#
            let taken = try server.post("/v1/traces", Data(body.utf8), headers: ["Content-Type": "application/json"])
            #expect(taken.status == 200, "\(taken)")
        }
        let wanted = (1...20).filter { $0 % 5 == 0 }
        var found: [Int] = []
        for _ in 0..<100 where found != wanted {
            usleep(50_000)
            found = try (1...20).filter {
                try server.get("/tempo/api/traces/" + String(format: "%032x", $0)).status == 200
            }
        }
        #expect(found == wanted)
        let whole = try server.get("/tempo/api/traces/" + String(format: "%032x", 5)).body
        #expect(whole.components(separatedBy: "spanId").count == 3, "\(whole)")
        let metrics = try server.get("/metrics").body
        // Metrics are made of all spans, kept or not.
        #expect(metrics.contains("obs_span_metrics_spans_total 40"))
        #expect(metrics.contains("obs_agent_sampling_dropped_spans_total 32"))
        #expect(server.stop() == 0)
    }
}
