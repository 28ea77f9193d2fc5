import Instruments

/// What a sampler counts.
struct SamplingInstruments: Sendable {
    let spans: Counter
    let kept: Counter
    let dropped: Counter
    let early: Counter
    private let traces: InstrumentFamily<Counter>
    private let policies: InstrumentFamily<Counter>

    init(_ registry: InstrumentRegistry) {
        spans = registry.counter("obs_agent_sampling_spans_total", help: "Spans that came to the sampler.")
        kept = registry.counter("obs_agent_sampling_kept_spans_total", help: "Spans that were passed on.")
        dropped = registry.counter(
            "obs_agent_sampling_dropped_spans_total", help: "Spans of traces that no policy wanted.")
        early = registry.counter(
            "obs_agent_sampling_early_decisions_total", help: "Traces decided before their time, for want of memory.")
        traces = registry.counters(
            "obs_agent_sampling_traces_total", help: "Traces decided on.", labels: ["decision"])
        policies = registry.counters(
            "obs_agent_sampling_policy_traces_total", help: "Traces that a policy wanted.", labels: ["policy"])
    }

    func traces(isKept: Bool) -> Counter { traces.bind(isKept ? "kept" : "dropped") }
    func policy(_ name: String) -> Counter { policies.bind(name) }
}
