import Bedrock
import Model

/// What OpenMetrics 1.0 demands beyond syntax. Families come one after another, whole; their names and samples' names don't clash;
/// each kind has its suffixes, labels and values; metrics are contiguous and go forward in time.
struct OpenMetricsRules: ExpositionRules {
    private(set) var problems: [ExpositionError] = []
    private var family: Family?
    private var finishedFamilies: Set<String> = []
    /// Which family may have samples of a name.
    private var claims: [String: String] = [:]

    /// The family being read.
    private struct Family {
        var name: String
        var position: TextPosition
        var kind = MetricMetadata.Kind.unknown
        var metadataSeen: Set<String> = []
        var unit = ""
        var unitPosition: TextPosition?
        var hasSamples = false
        var metric: Metric?
        var finishedMetrics: Set<String> = []
    }

    /// The metric (label set) being read.
    private struct Metric {
        var key: String
        var lastTimestamp: Double?
        /// Name and labels of samples without timestamp.
        var samplesSeen: Set<String> = []
        var histogram: HistogramPoint?
    }

    private mutating func note(_ reason: String, at position: TextPosition) {
        problems.append(ExpositionError(reason, at: position))
    }

    mutating func take(_ entry: ExpositionParser.Entry, _ parser: inout ExpositionParser) throws(ExpositionError) {
        switch entry {
        case .help: takeMetadata("HELP", &parser)
        case .type: takeMetadata("TYPE", &parser)
        case .unit: takeMetadata("UNIT", &parser)
        case .sample: try takeSample(&parser)
        case .comment: break
        case .end: finishFamily()
        }
    }

    func endText(_ bytes: UnsafeRawBufferPointer) {}

    // MARK: Families

    private static func suffixes(_ kind: MetricMetadata.Kind) -> [String] {
        switch kind {
        case .counter: ["_total", "_created"]
        case .summary: ["", "_count", "_sum", "_created"]
        case .histogram: ["_bucket", "_count", "_sum", "_created"]
        case .gaugehistogram: ["_bucket", "_gcount", "_gsum"]
        case .info: ["_info"]
        case .gauge, .stateset, .unknown: [""]
        }
    }

    private mutating func begin(_ name: String, at position: TextPosition) {
        finishFamily()
        if finishedFamilies.contains(name) {
            note("family \(name) stands in two places, or is declared twice", at: position)
        }
        family = Family(name: name, position: position)
    }

    private mutating func finishFamily() {
        finishMetric()
        guard let done = family else { return }
        family = nil
        if done.kind == .info || done.kind == .stateset, !done.unit.isEmpty {
            note("a family of type \(done.kind.rawValue) must have no unit", at: done.unitPosition ?? done.position)
        }
        for suffix in Set(Self.suffixes(done.kind) + [""]).sorted() {
            let name = done.name + suffix
            if let other = claims[name], other != done.name {
                note("names clash: \(name) belongs to family \(other) and to family \(done.name)", at: done.position)
            }
            claims[name] = done.name
        }
        finishedFamilies.insert(done.name)
    }

    private mutating func takeMetadata(_ word: String, _ parser: inout ExpositionParser) {
        let position = parser.position
        noteQuotedNames(&parser)
        if family?.name != parser.family { begin(parser.family, at: position) }
        guard var current = family else { return }
        if current.hasSamples { note("# \(word) must stand before the samples of its family", at: position) }
        if !current.metadataSeen.insert(word).inserted { note("a second # \(word) for \(current.name)", at: position) }
        if word == "TYPE" { current.kind = parser.kind }
        if word == "UNIT" {
            current.unit = parser.text
            current.unitPosition = position
        }
        family = current
    }

    private mutating func noteQuotedNames(_ parser: inout ExpositionParser) {
        if parser.hasQuotedName { note("OpenMetrics 1.0 has no names in quotes", at: parser.position) }
    }

    // MARK: Samples

    private mutating func takeSample(_ parser: inout ExpositionParser) throws(ExpositionError) {
        if parser.hasTrailingComma { note("a comma before '}'", at: parser.position) }
        noteQuotedNames(&parser)
        let sample = try JudgedSample(&parser)
        if exemplarLength(parser) > 128 { note("the exemplar's labels are over 128 characters", at: sample.position) }
        if family.map({ suffix(of: sample.name, in: $0) == nil }) ?? true {
            begin(sample.name, at: sample.position)
        }
        guard let current = family, let suffix = suffix(of: sample.name, in: current) else { return }
        family?.hasSamples = true
        if sample.hasExemplar, !(suffix == "_total" || suffix == "_bucket") {
            note("exemplars are for the samples …_total and …_bucket", at: sample.position)
        }
        if let reason = Self.flaw(of: sample, suffix, current) { note(reason, at: sample.position) }
        takePoint(sample, suffix, current)
    }

    /// The suffix that makes `name` a sample of `family`; nil when it is none.
    private func suffix(of name: String, in family: Family) -> String? {
        Self.suffixes(family.kind).first { family.name + $0 == name }
    }

    private func exemplarLength(_ parser: borrowing ExpositionParser) -> Int {
        guard parser.hasExemplar else { return 0 }
        return parser.rawExemplarLabels.reduce(0) { sum, label in
            sum + [label.name, label.value].reduce(0) { $0 + parser.unescapedText($1).unicodeScalars.count }
        }
    }

    /// What is wrong with a sample whatever stands beside it.
    private static func flaw(of sample: JudgedSample, _ suffix: String, _ family: Family) -> String? {
        if suffix == "_created" { return sample.value.isFinite ? nil : "_created must be a time" }
        switch family.kind {
        case .counter: return sample.value.isNaN || sample.value < 0 ? "a counter must not be negative or NaN" : nil
        case .info: return sample.value == 1 ? nil : "the value of an info metric must be 1"
        case .stateset:
            guard sample[family.name] != nil else { return "a stateset needs the label \(quoted(family.name))" }
            return sample.value == 0 || sample.value == 1 ? nil : "the value of a stateset must be 0 or 1"
        case .summary: return summaryFlaw(sample, suffix)
        case .gauge, .unknown, .histogram, .gaugehistogram: return nil
        }
    }

    private static func summaryFlaw(_ sample: JudgedSample, _ suffix: String) -> String? {
        switch suffix {
        case "":
            guard let text = sample["quantile"] else { return "a summary's value needs the label \"quantile\"" }
            guard let quantile = NumberText.parseFloat(text), quantile >= 0, quantile <= 1 else {
                return "\(quoted(text)) is no quantile between 0 and 1"
            }
            return sample.value < 0 ? "a quantile's value must not be negative" : nil
        case "_count":
            return sample.value.isNaN || sample.value < 0 || sample.value != sample.value.rounded()
                ? "a count must be a whole number, not negative" : nil
        default: return nil
        }
    }

    // MARK: Metrics

    private mutating func takePoint(_ sample: JudgedSample, _ suffix: String, _ current: Family) {
        let own: String? =
            switch current.kind {
            case .histogram, .gaugehistogram: "le"
            case .summary: "quantile"
            case .stateset: current.name
            default: nil
            }
        let key = sample.key(without: own)
        if current.metric?.key != key {
            finishMetric()
            if family?.finishedMetrics.contains(key) == true {
                note("the samples of \(current.name) with these labels don't stand together", at: sample.position)
            }
            family?.metric = Metric(key: key, lastTimestamp: sample.timestamp)
        }
        guard var metric = family?.metric else { return }
        noteDisorder(sample, metric)
        if metric.lastTimestamp != sample.timestamp {
            noteHistogramProblems(metric)
            metric.histogram = nil
            metric.lastTimestamp = sample.timestamp
        }
        if sample.timestamp == nil, !metric.samplesSeen.insert(sample.name + "{" + sample.key(without: nil)).inserted {
            note("the same sample stands twice", at: sample.position)
        }
        if current.kind == .histogram || current.kind == .gaugehistogram, suffix != "_created" {
            var point = metric.histogram ?? HistogramPoint(isGauge: current.kind == .gaugehistogram, isStrict: true)
            if let reason = point.take(sample, suffix: suffix) { note(reason, at: sample.position) }
            metric.histogram = point
        }
        family?.metric = metric
    }

    private mutating func noteDisorder(_ sample: JudgedSample, _ metric: Metric) {
        switch (metric.lastTimestamp, sample.timestamp) {
        case (nil, nil): break
        case (let last?, let timestamp?):
            if timestamp < last { note("timestamps of a metric must not go back", at: sample.position) }
        default: note("a metric has timestamps on all of its samples or on none", at: sample.position)
        }
    }

    private mutating func finishMetric() {
        guard let metric = family?.metric else { return }
        noteHistogramProblems(metric)
        family?.finishedMetrics.insert(metric.key)
        family?.metric = nil
    }

    private mutating func noteHistogramProblems(_ metric: Metric) {
        for problem in metric.histogram?.problems() ?? [] { note(problem.reason, at: problem.position) }
    }
}
