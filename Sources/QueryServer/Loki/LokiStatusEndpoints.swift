import Formats
import Transport

extension QueryAPI {
    func lokiStatusRoutes() -> [HTTPRoute] {
        [
            HTTPRoute([.get], "/ready") { [self] _, respond in
                respond(
                    dependencies.isReady()
                        ? HTTPResponse(contentType: "text/plain; charset=utf-8", "ready\n") : Self.notReady)
            },
            HTTPRoute([.get], "/loki/api/v1/status/buildinfo") { [self] _, respond in
                var writer = JSONWriter()
                writer.lokiBuild(dependencies.build)
                respond(Self.json(&writer))
            },
            HTTPRoute([.get], "/loki/api/v1/drilldown-limits") { [self] _, respond in
                var writer = JSONWriter()
                writer.limits(dependencies.logOptions, timeoutSeconds: options.timeoutSeconds)
                respond(Self.json(&writer))
            },
            // Rules come with a room of their own; until then there are none, which Loki says with a 404, and its Prometheus twin with a list.
            HTTPRoute([.get], "/loki/api/v1/rules") { _, respond in
                respond(LokiError(404, "no rule groups found").response)
            },
            HTTPRoute([.get], "/prometheus/api/v1/rules") { _, respond in respond(Self.empty("groups")) },
            HTTPRoute([.get], "/prometheus/api/v1/alerts") { _, respond in respond(Self.empty("alerts")) },
        ]
    }

    private static func empty(_ name: StaticString) -> HTTPResponse {
        var writer = JSONWriter()
        writer.success { writer in
            writer.beginObject()
            writer.key(name)
            writer.beginArray()
            writer.endArray()
            writer.endObject()
        }
        return json(&writer)
    }
}

extension JSONWriter {
    /// The version whose API this is, since clients choose their requests by it.
    private static var lokiVersion: String { "3.5.0" }

    fileprivate mutating func lokiBuild(_ build: BuildStatus) {
        beginObject()
        member("version", Self.lokiVersion)
        member("revision", build.revision)
        member("branch", build.branch)
        member("buildUser", build.buildUser)
        member("buildDate", build.buildDate)
        member("goVersion", build.runtime)
        endObject()
    }

    fileprivate mutating func limits(_ options: LogQueryOptions, timeoutSeconds: Double) {
        beginObject()
        key("limits")
        beginObject()
        key("discover_log_levels")
        bool(true)
        key("discover_service_name")
        strings([
            "service", "app", "application", "app_name", "name", "app_kubernetes_io_name", "container",
            "container_name", "k8s_container_name", "component", "workload", "job", "k8s_job_name",
        ])
        member("max_entries_limit_per_query", options.entriesMax)
        member("max_query_series", options.seriesMax)
        member("max_query_length", "0s")
        member("max_query_lookback", "0s")
        member("max_query_range", "0s")
        member("max_query_bytes_read", "0B")
        member("query_timeout", "\(Int(timeoutSeconds))s")
        key("volume_enabled")
        bool(true)
        member("volume_max_series", options.volumeSeriesMax)
        endObject()
        key("pattern_ingester_enabled")
        bool(true)
        member("version", Self.lokiVersion)
        endObject()
    }
}
