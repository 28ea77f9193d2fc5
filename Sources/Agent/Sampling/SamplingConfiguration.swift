import Bedrock
import Formats

/// What an agent keeps of traces: `sampling` of a configuration file.
public struct SamplingConfiguration: Sendable {
    /// Without any, every trace is kept, and at once.
    public var policies: [SamplingPolicy] = []
    /// How long a trace is waited for after its first span; milliseconds.
    public var decisionWait: Int64 = 10_000
    /// Traces whose decision is remembered for spans that come late.
    public var decisionsMax = 200_000
    /// All agents that share the sampling, by the URL of their OTLP over HTTP; each trace is decided by one of them.
    public var peers: [String] = []
    /// Which of `peers` this one is.
    public var peer = ""

    public init() {}

    /// Takes `sampling` out of a file's root mapping. Everything wrong is noted with its place.
    public init(_ root: YAMLMapping) {
        root["sampling"]?.mapping("sampling") { keys in
            decisionWait = keys["decision_wait"]?.duration ?? decisionWait
            if decisionWait <= 0 { keys.note("decision_wait must be over 0", at: "decision_wait") }
            peers = keys["peers"]?.strings ?? []
            peer = keys["peer"]?.string ?? ""
            if !peers.isEmpty && !peers.contains(peer) {
                keys.note("peer must say which of peers this agent is", at: "peer")
            }
            var names: Set<String> = []
            for (index, item) in (keys["policies"]?.list ?? []).enumerated() {
                let place = "sampling.policies[\(index)]"
                guard let policy = item.mapping(place, { Self.policy($0, index) }) ?? nil else { continue }
                if !names.insert(policy.name).inserted { item.note("the name \"\(policy.name)\" is used twice") }
                policies.append(policy)
            }
        }
    }

    private static func policy(_ keys: YAMLMapping, _ index: Int) -> SamplingPolicy? {
        keys.require("type")
        let types = ["always", "error", "latency", "probabilistic", "rate", "attribute"]
        guard let type = keys["type"]?.choice(of: types) else { return nil }
        let name = keys["name"]?.string ?? "\(type)-\(index)"
        switch type {
        case "always": return SamplingPolicy(name: name, rule: .always)
        case "error": return SamplingPolicy(name: name, rule: .error)
        case "latency":
            keys.require("threshold")
            guard let threshold = keys["threshold"]?.duration else { return nil }
            let (nanoseconds, overflow) = threshold.multipliedReportingOverflow(by: 1_000_000)
            if overflow { keys.note("threshold is over 292 years", at: "threshold") }
            return SamplingPolicy(name: name, rule: .latency(nanoseconds))
        case "probabilistic":
            keys.require("percent")
            guard let percent = keys["percent"]?.double else { return nil }
            if !(0...100).contains(percent) { keys.note("percent is 0 to 100", at: "percent") }
            return SamplingPolicy(name: name, rule: .probabilistic(percent / 100))
        case "rate":
            keys.require("spans_per_second")
            guard let rate = keys["spans_per_second"]?.double else { return nil }
            if !(rate > 0) { keys.note("spans_per_second must be over 0", at: "spans_per_second") }
            return SamplingPolicy(name: name, rule: .rate(spansPerSecond: rate))
        default:
            keys.require("key")
            guard let key = keys["key"]?.string, let test = attributeTest(keys) else { return nil }
            return SamplingPolicy(name: name, rule: .attribute(key: key, test))
        }
    }

    private static func attributeTest(_ keys: YAMLMapping) -> SamplingPolicy.AttributeTest? {
        if let values = keys["values"]?.strings { return .oneOf(values) }
        if let value = keys["regex"], let text = value.string {
            do throws(RegexError) { return .matches(try RegularExpression(text, anchored: true)) } catch {
                value.note(error.description)
                return nil
            }
        }
        let least = keys["min"]?.double
        let most = keys["max"]?.double
        if least != nil || most != nil {
            let (low, high) = (least ?? -.infinity, most ?? .infinity)
            if low <= high { return .range(low...high) }
            keys.note("min is over max", at: "min")
            return nil
        }
        return .exists
    }

    /// Reads a text that holds nothing but this key; for tests and tools.
    public static func read(_ text: String, file: String) throws(YAMLReader.Problems) -> SamplingConfiguration {
        try YAMLReader.read(text, file: file) { root in
            root.mapping { SamplingConfiguration($0) } ?? SamplingConfiguration()
        }
    }
}
