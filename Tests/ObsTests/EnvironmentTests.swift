import Obs
import Testing

@Suite struct EnvironmentTests {
    @Test func readsTheSpecifiedVariables() {
        let options = TelemetryOptions(environment: [
            "OTEL_SERVICE_NAME": "shop", "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,team=a%20b",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector:4318/base/",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://traces:1/own",
            "OTEL_EXPORTER_OTLP_HEADERS": "api-key=k%3D1, other = x", "OTEL_EXPORTER_OTLP_COMPRESSION": "zstd",
            "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION": "none", "OTEL_EXPORTER_OTLP_TIMEOUT": "2500",
            "OTEL_LOGS_EXPORTER": "none", "OTEL_METRIC_EXPORT_INTERVAL": "15000",
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "Delta",
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram",
            "OTEL_BSP_MAX_QUEUE_SIZE": "100", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "512",
            "OTEL_BLRP_SCHEDULE_DELAY": "250", "OTEL_ATTRIBUTE_COUNT_LIMIT": "7", "OTEL_SPAN_EVENT_COUNT_LIMIT": "3",
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25",
            "OTEL_PROPAGATORS": "baggage", "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca.pem",
        ])
        #expect(options.resource == ["service.name": "shop", "team": "a b"])
        #expect(options.traces.url == "http://traces:1/own")
        #expect(options.metrics.url == "https://collector:4318/base/v1/metrics")
        #expect(options.metrics.headers["api-key"] == "k=1" && options.metrics.headers["other"] == "x")
        #expect(options.metrics.compression == .zstd && options.logs.compression == .none)
        #expect(options.metrics.timeoutSeconds == 2.5 && options.metrics.tls.authoritiesFile == "/ca.pem")
        #expect(!options.logs.isEnabled && options.traces.isEnabled)
        #expect(options.metricIntervalSeconds == 15 && options.temporality == .delta)
        #expect(options.views.first?.aggregation == .exponential())
        #expect(options.spans.queueMax == 100 && options.spans.batchMax == 100)
        #expect(options.logRecords.delaySeconds == 0.25)
        #expect(options.spanLimits.attributesMax == 7 && options.logLimits.attributesMax == 7)
        #expect(options.spanLimits.eventsMax == 3 && options.propagators == [.baggage])
        guard case .parentBased(.traceIDRatio(let ratio)) = options.sampler else {
            Issue.record("sampler")
            return
        }
        #expect(ratio == 0.25)
    }

    @Test func reportsWhatCannotBeUsed() {
        let seen = Seen()
        var options = TelemetryOptions(environment: [
            "OTEL_SDK_DISABLED": "maybe", "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318",
            "OTEL_EXPORTER_OTLP_HEADERS": "novalue", "OTEL_TRACES_SAMPLER": "sometimes",
            "OTEL_BSP_MAX_QUEUE_SIZE": "-1", "OTEL_PROPAGATORS": "b3", "OTEL_EXPORTER_OTLP_COMPRESSION": "lz4",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_METRICS_EXPORTER": "carrier pigeon",
        ])
        options.traces.isEnabled = false
        options.metrics.isEnabled = false
        options.logs.isEnabled = false
        options.onProblem = { seen.add("\($0)") }
        _ = Telemetry(options)
        for name in [
            "OTEL_SDK_DISABLED", "ENDPOINT", "HEADERS", "SAMPLER", "QUEUE_SIZE", "PROPAGATORS", "COMPRESSION",
            "PROTOCOL", "METRICS_EXPORTER",
        ] { #expect(seen.all.contains { $0.contains(name) }, "\(name) in \(seen.all)") }
        #expect(options.traces.url == "http://localhost:4318/v1/traces")
    }
}
