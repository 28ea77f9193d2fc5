import Agent
import Bedrock
import Collector
import Configuration
import Formats
import Model
import Receivers
import SpanMetrics
import Transport

extension Server {
    /// What receives spans: OTLP, Zipkin and Jaeger's Thrift. Metrics are made of all that is taken, before sampling.
    func traceReceivers(
        _ traces: TraceStorage, _ storage: MetricStorage, _ settings: Settings
    ) -> (otlp: [HTTPRoute], others: [HTTPRoute]) {
        var sink: any SpanSink = traces.collector
        if !configuration.sampling.policies.isEmpty {
            var options = TailSamplerOptions()
            options.memoryBytesMax = settings[SettingsTable.samplingBytes].bytes
            let sampler = TailSampler(
                before: sink, configuration.sampling, options: options, clock: clock, registry: registry, losses: ledger
            )
            sampling.start(sampler)
            self.sampler = sampler
            sink = sampler
        }
        if settings[SettingsTable.spanMetrics] {
            var options = SpanMetricsOptions()
            options.dimensions = settings[SettingsTable.spanMetricDimensions].split(separator: ",")
                .map { String($0.filter { $0 != " " }) }.filter { !$0.isEmpty }
            // In one process with its store there is nobody else who writes these series.
            options.generator = role == .all ? "" : hostname()
            let metrics = SpanMetrics(
                before: sink, into: storage.collector, options: options, clock: clock, registry: registry)
            background.start(metrics)
            spanMetrics = metrics
            sink = metrics
        }
        let context = SpanReceiverContext(
            sink: sink, registry: registry, ledger: ledger, memory: storage.budget.account("receivers"), clock: clock)
        var options = SpanReceiverOptions()
        options.bodyBytesMax = settings[SettingsTable.bodyBytes].bytes
        return (
            OTLPTracesReceiver(context, options: options).routes,
            ZipkinReceiver(context, options: options).routes + JaegerReceiver(context, options: options).routes
        )
    }
}
