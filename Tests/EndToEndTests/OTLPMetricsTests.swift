import Formats
import Foundation
import Testing
import Transport

/// OpenTelemetry's SDK for Python sends metrics to a real obsd, and PromQL finds them.
@Suite(.serialized) struct OTLPMetricsTests {
    private static let script = """
        import os, sys
        from opentelemetry import metrics, trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.metrics.view import View, ExponentialBucketHistogramAggregation
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http import Compression
        exporter = OTLPMetricExporter(endpoint=sys.argv[1], compression=Compression.Gzip)
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3600000)
        resource = Resource.create({"service.name": "py", "service.namespace": "shop", "service.instance.id": "i1", "host.name": "h"})
        provider = MeterProvider([reader], resource=resource, views=[
            View(instrument_name="http.size", aggregation=ExponentialBucketHistogramAggregation())])
        meter = provider.get_meter("lib", "1.0")
        requests = meter.create_counter("http.requests", "{req}", "Requests served.")
        active = meter.create_up_down_counter("queue.length")
        meter.create_observable_gauge("cpu.utilization", [lambda options: [metrics.Observation(0.25, {"cpu": 1})]], "1")
        duration = meter.create_histogram("http.duration", "s")
        size = meter.create_histogram("http.size", "By")
        tracer = TracerProvider().get_tracer("t")
        for _ in range(2):
            with tracer.start_as_current_span("work"):
                requests.add(5, {"http.method": "GET", "ok": True})
                active.add(3)
                for value in [0.5, 7, 30]: duration.record(value)
                for value in [1, 2, 4, 4, 1000]: size.record(value)
            if not provider.force_flush(): sys.exit("not delivered")
        active.add(-2)
        provider.shutdown()
        """

    @Test(arguments: ["cumulative", "delta"]) func comeBackAsSeries(_ temporality: String) throws {
        guard let python = Programs.tool("python3"),
            try run(python, ["-c", "import opentelemetry.sdk, opentelemetry.exporter.otlp.proto.http"]).status == 0
        else {
            print(
                "skipped: no OpenTelemetry SDK for Python; pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
            )
            return
        }
        let folder = try TemporaryFolder()
        let server = try ObsdProcess("collector", data: folder.path + "/data", ["--otlp-http", "127.0.0.1:0"])
        let line = try #require(server.waitForLog("receiving OTLP"))
        let own = try #require(line.range(of: "address=").map { line[$0.upperBound...].prefix { $0 != " " } })
        let endpoint =
            temporality == "delta" ? "\(own)/v1/metrics" : server.url + "/api/v1/otlp/v1/metrics"
        let finished = try run(
            python, ["-c", Self.script, endpoint],
            environment: ["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": temporality])
        #expect(finished.status == 0, "\(finished.errors.suffix(2000))")
        let identity = #"job="shop/py", instance="i1""#
        for (query, value) in [
            (#"http_requests_total{\#(identity), http_method="GET", ok="true"}"#, 10),
            (#"queue_length{\#(identity)}"#, 4),
            (#"cpu_utilization_ratio{\#(identity), cpu="1"}"#, 0.25), (#"http_duration_seconds_count"#, 6),
            (#"http_duration_seconds_sum"#, 75), (#"http_duration_seconds_bucket{le="10"}"#, 4),
            (#"http_duration_seconds_bucket{le="+Inf"}"#, 6), ("histogram_count(http_size_bytes)", 10),
            ("histogram_sum(http_size_bytes)", 2022), (#"target_info{\#(identity), host_name="h"}"#, 1),
        ] {
            #expect(try HTTP.value(server.url, query) == value, "\(query)")
        }
        let now = Int(Date().timeIntervalSince1970)
        let form = PercentCoding.form([
            (name: "query", value: "http_requests_total"), (name: "start", value: "\(now - 600)"),
            (name: "end", value: "\(now + 60)"),
        ])
        #expect(try server.get("/api/v1/query_exemplars?" + form).body.contains("trace_id"))
        let metadata = try server.get("/api/v1/metadata?metric=http_requests_total").body
        #expect(metadata.contains(#""type":"counter""#) && metadata.contains("Requests served."), "\(metadata)")
        #expect(server.stop() == 0)
    }
}
