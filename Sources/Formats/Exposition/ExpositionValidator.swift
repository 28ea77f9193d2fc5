import Bedrock
import Model

/// Judges text expositions strictly, by what their formats say and not by what scrapers put up with.
public enum ExpositionValidator {
    /// Everything wrong with `bytes`, in the order of the text; empty when nothing is. Stops after `problemsMax`.
    public static func problems(
        in bytes: UnsafeRawBufferPointer, format: ExpositionFormat, problemsMax: Int = 100
    ) -> [ExpositionError] {
        let found: [ExpositionError]
        switch format {
        case .classic: found = run(ClassicRules(), bytes, format, problemsMax)
        case .openMetrics: found = run(OpenMetricsRules(), bytes, format, problemsMax)
        }
        return found.sorted { ($0.position.line, $0.position.column) < ($1.position.line, $1.position.column) }
    }

    private static func run(
        _ rules: some ExpositionRules, _ bytes: UnsafeRawBufferPointer, _ format: ExpositionFormat, _ problemsMax: Int
    ) -> [ExpositionError] {
        var rules = rules
        var parser = ExpositionParser(bytes, format: format)
        var syntaxProblems: [ExpositionError] = []
        while syntaxProblems.count + rules.problems.count < problemsMax {
            do throws(ExpositionError) {
                let entry = try parser.next()
                try rules.take(entry, &parser)
                if entry == .end { break }
            } catch {
                syntaxProblems.append(error)
                parser.skipLine()
                if parser.isAtEnd { break }
            }
        }
        if syntaxProblems.isEmpty { rules.endText(bytes) }
        return Array((syntaxProblems + rules.problems).prefix(problemsMax))
    }
}

/// The semantic rules of one format, fed with the entries of a text.
protocol ExpositionRules {
    var problems: [ExpositionError] { get }
    /// Throws for flaws of the entry itself.
    mutating func take(_ entry: ExpositionParser.Entry, _ parser: inout ExpositionParser) throws(ExpositionError)
    /// Called once, behind the last entry of a text without syntax errors.
    mutating func endText(_ bytes: UnsafeRawBufferPointer)
}

/// A sample, copied out for judging.
struct JudgedSample {
    var name: String
    /// All labels but the name.
    var labels: [Label]
    var value: Double
    /// In the text's own unit.
    var timestamp: Double?
    var hasExemplar: Bool
    var position: TextPosition

    init(_ parser: inout ExpositionParser) throws(ExpositionError) {
        // Bucket bounds are judged as they are written.
        var buffer = ByteBuffer()
        try parser.writeLabels(to: &buffer, name: parser.rawName, normalising: false, without: nil)
        let all = Labels(canonical: buffer.bytes).list
        name = all.first { $0.name == Labels.metricName }?.value ?? ""
        labels = all.filter { $0.name != Labels.metricName }
        value = parser.value
        timestamp = parser.timestamp == nil ? nil : NumberText.parseFloat(parser.rawTimestamp)
        hasExemplar = parser.hasExemplar
        position = parser.position
    }

    subscript(label: String) -> String? { labels.first { $0.name == label }?.value }

    /// Identifies the label set without `label`.
    func key(without label: String?) -> String {
        labels.filter { $0.name != label }.map { quoted($0.name) + "=" + quoted($0.value) }.joined(separator: ",")
    }
}
