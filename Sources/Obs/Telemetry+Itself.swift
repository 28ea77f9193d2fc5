import Instruments

extension Telemetry {
    /// Metrics of the telemetry itself, so that its cost and its losses are seen where everything else is.
    func observeItself() {
        let meter = meter("obs.sdk", version: ResourceDetection.version)
        let ledger = ledger
        let registry = registry
        let problems = problems
        let budget = budget
        let core = core
        meter.observableCounter(
            "obs.sdk.exported", unit: "{record}", description: "Records that the collector has taken."
        ) { observer in
            for signal in TelemetrySignal.allCases {
                observer.observe(ledger.exported(signal).value, ["signal": .string(signal.rawValue)])
            }
        }
        meter.observableCounter(
            "obs.sdk.dropped", unit: "{record}", description: "Records that never arrived, by reason."
        ) { observer in
            for signal in TelemetrySignal.allCases {
                for reason in DropReason.allCases {
                    let count = ledger.dropped(signal, reason).value
                    if count > 0 {
                        observer.observe(
                            count, ["signal": .string(signal.rawValue), "reason": .string(reason.rawValue)])
                    }
                }
            }
        }
        meter.observableCounter("obs.sdk.export.bytes", unit: "By", description: "Bytes sent, compressed.") {
            $0.observe(ledger.bytes.value)
        }
        meter.observableCounter("obs.sdk.export.requests", unit: "{request}", description: "Tries to export.") {
            $0.observe(ledger.requests.value)
        }
        meter.observableCounter("obs.sdk.export.failures", unit: "{request}", description: "Tries that failed.") {
            $0.observe(ledger.failures.value)
        }
        meter.observableCounter(
            "obs.sdk.metric.overflows", description: "Look-ups beyond a metric's cardinality limit."
        ) { $0.observe(registry.overflows.value) }
        meter.observableUpDownCounter(
            "obs.sdk.queue.size", unit: "{record}", description: "Records that wait to be sent or are being sent."
        ) { observer in
            observer.observe(core.spans.count, ["signal": "traces"])
            observer.observe(core.logs.count, ["signal": "logs"])
        }
        meter.observableCounter(
            "obs.sdk.span.contended", description: "Changes of spans given up as someone else was writing for too long."
        ) { $0.observe(core.contended.value) }
        meter.observableCounter("obs.sdk.problems", description: "Problems reported, repeated ones included.") {
            $0.observe(problems.count)
        }
        meter.observableCounter("obs.sdk.ignored", description: "Recordings that an instrument had to ignore.") {
            $0.observe(Int(clamping: InstrumentMisuse.ignoredCount))
        }
        meter.observableCounter(
            "obs.sdk.overhead.cpu", unit: "s",
            description: "CPU time of telemetry: recording, estimated by count, and exporting, measured."
        ) { $0.observe(budget.overheadSeconds) }
        meter.observableGauge(
            "obs.sdk.sampling.share", unit: "1", description: "Share of new traces that the budget lets through."
        ) { $0.observe(budget.share) }
    }
}
