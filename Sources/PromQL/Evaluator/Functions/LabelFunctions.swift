import Bedrock
import Kernels
import Model

extension Evaluator {
    /// `label_replace(v, target, replacement, source, regex)`
    func labelReplaceCall(_ arguments: [Expr]) throws -> StepMatrix {
        let target = try labelName(arguments[1], "invalid destination label name in label_replace():")
        let replacement = try string(arguments[2])
        let source = try string(arguments[3])
        let pattern = try string(arguments[4])
        let regex: RegularExpression
        do {
            regex = try RegularExpression(pattern, anchored: true)
        } catch {
            throw QueryError.execution("invalid regular expression in label_replace(): \(pattern)")
        }
        return try relabelled(arguments[0], target) { labels in
            regex.expand(replacement, matching: labels[source] ?? "")
        }
    }

    /// `label_join(v, target, separator, sources…)`
    func labelJoinCall(_ arguments: [Expr]) throws -> StepMatrix {
        let target = try labelName(arguments[1], "invalid destination label name in label_join():")
        let separator = try string(arguments[2])
        let sources = try arguments.dropFirst(3).map { argument in
            try labelName(argument, "invalid source label name in label_join():")
        }
        return try relabelled(arguments[0], target) { labels in
            sources.map { labels[$0] ?? "" }.joined(separator: separator)
        }
    }

    /// Sets label `target` of each series to what `body` says; nil leaves a series as it is.
    private func relabelled(_ argument: Expr, _ target: String, _ body: (Labels) -> String?) throws -> StepMatrix {
        var matrix = try vector(argument)
        var builder = LabelsBuilder()
        for index in 0..<matrix.count {
            guard let value = body(matrix.labels[index]) else { continue }
            builder.reset(matrix.labels[index])
            builder.set(target, value)
            matrix.labels[index] = builder.labels()
            // A name that was set is there to stay.
            if target == Labels.metricName && !matrix.losesName.isEmpty { matrix.losesName[index] = false }
        }
        try matrix.mergeEqualSeries(context)
        return matrix
    }
}
