import Bedrock
import Model

/// What the classic text format demands beyond syntax: one group of lines for each family, its metadata first and once, no sample twice,
/// histograms and summaries that fit together, a newline at the end.
struct ClassicRules: ExpositionRules {
    private(set) var problems: [ExpositionError] = []
    private var family: Family?
    private var finishedFamilies: Set<String> = []

    private struct Family {
        var name: String
        var kind = MetricMetadata.Kind.unknown
        var metadataSeen: Set<String> = []
        var hasSamples = false
        /// Name, labels and timestamp.
        var samplesSeen: Set<String> = []
        /// In the order in which their first samples came.
        var histograms: [(key: String, point: HistogramPoint)] = []
        var histogramIndex: [String: Int] = [:]
    }

    private mutating func note(_ reason: String, at position: TextPosition) {
        problems.append(ExpositionError(reason, at: position))
    }

    mutating func take(_ entry: ExpositionParser.Entry, _ parser: inout ExpositionParser) throws(ExpositionError) {
        switch entry {
        case .help: takeMetadata("HELP", &parser)
        case .type: takeMetadata("TYPE", &parser)
        case .sample: takeSample(try JudgedSample(&parser))
        case .unit, .comment: break
        case .end: finishFamily()
        }
    }

    mutating func endText(_ bytes: UnsafeRawBufferPointer) {
        guard let last = bytes.last, last != UInt8(ascii: "\n") else { return }
        note("the last line does not end with a newline", at: TextPosition(of: bytes.count, in: bytes))
    }

    private static func suffixes(_ kind: MetricMetadata.Kind) -> [String] {
        switch kind {
        case .histogram: ["_bucket", "_sum", "_count"]
        case .summary: ["", "_sum", "_count"]
        default: [""]
        }
    }

    private mutating func begin(_ name: String, at position: TextPosition) {
        finishFamily()
        if finishedFamilies.contains(name) { note("the lines of \(name) do not stand together", at: position) }
        family = Family(name: name)
    }

    private mutating func finishFamily() {
        guard let done = family else { return }
        family = nil
        for histogram in done.histograms {
            for problem in histogram.point.problems() { note(problem.reason, at: problem.position) }
        }
        finishedFamilies.insert(done.name)
    }

    private mutating func takeMetadata(_ word: String, _ parser: inout ExpositionParser) {
        let position = parser.position
        if family?.name != parser.family { begin(parser.family, at: position) }
        guard var current = family else { return }
        if current.hasSamples { note("# \(word) must stand before the samples of \(current.name)", at: position) }
        if !current.metadataSeen.insert(word).inserted { note("a second # \(word) for \(current.name)", at: position) }
        if word == "TYPE" { current.kind = parser.kind }
        family = current
    }

    private func suffix(of name: String, in family: Family) -> String? {
        Self.suffixes(family.kind).first { family.name + $0 == name }
    }

    private mutating func takeSample(_ sample: JudgedSample) {
        if family.map({ suffix(of: sample.name, in: $0) == nil }) ?? true { begin(sample.name, at: sample.position) }
        guard var current = family, let suffix = suffix(of: sample.name, in: current) else { return }
        current.hasSamples = true
        let identity = sample.name + "{" + sample.key(without: nil) + "}" + (sample.timestamp.map { " \($0)" } ?? "")
        if !current.samplesSeen.insert(identity).inserted { note("the same sample stands twice", at: sample.position) }
        if current.kind == .histogram {
            let key = sample.key(without: "le") + (sample.timestamp.map { " \($0)" } ?? "")
            if current.histogramIndex[key] == nil {
                current.histogramIndex[key] = current.histograms.count
                current.histograms.append((key, HistogramPoint(isGauge: false, isStrict: false)))
            }
            if let index = current.histogramIndex[key],
                let reason = current.histograms[index].point.take(sample, suffix: suffix)
            {
                note(reason, at: sample.position)
            }
        } else if current.kind == .summary, suffix.isEmpty {
            let text = sample["quantile"] ?? ""
            if NumberText.parseFloat(text).map({ $0 >= 0 && $0 <= 1 }) != true {
                note("a summary's value needs the label \"quantile\", from 0 to 1", at: sample.position)
            }
        }
        family = current
    }
}
