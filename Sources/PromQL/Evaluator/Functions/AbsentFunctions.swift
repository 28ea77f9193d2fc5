import Kernels
import Model

extension Evaluator {
    /// `absent`: 1 at the steps where the argument has no element.
    func absentCall(_ argument: Expr) throws -> StepMatrix {
        let matrix = try vector(argument)
        var isPresent = [Bool](repeating: false, count: grid.count)
        for index in 0..<matrix.count {
            for step in 0..<grid.count where matrix.isPresent(index, step) { isPresent[step] = true }
        }
        var matchers: [Matcher] = []
        if case .vectorSelector(let selector) = argument.unwrapped { matchers = selector.matchers }
        return try absence(isPresent, Self.labels(matchers))
    }

    /// `absent_over_time`: 1 at the steps whose window has no sample.
    func absentOverTimeCall(_ argument: Expr) throws -> StepMatrix {
        let input = try rangeInput(argument)
        var isPresent = [Bool](repeating: false, count: grid.count)
        try input.forEachSeries(context) { _, mixed in
            let samples = mixed.floats
            slideWindows(samples.times, samples.count, input.windows) { step, lower, upper in
                if lower < upper { isPresent[step] = true }
            }
            for row in mixed.rows {
                for step in 0..<grid.count
                where row.timestamp > input.windows.start(step) && row.timestamp <= input.windows.end(step) {
                    isPresent[step] = true
                }
            }
        }
        return try absence(isPresent, Self.labels(input.matchers ?? []))
    }

    private func absence(_ isPresent: [Bool], _ labels: Labels) throws -> StepMatrix {
        guard isPresent.contains(false) else { return try nothing() }
        return try single(.varying(isPresent.map { $0 ? Absent.value : 1 }), labels: labels, keepsAbsence: true)
    }

    /// What an absent series would be called: the labels that exactly one matcher speaks of, by `=`.
    private static func labels(_ matchers: [Matcher]) -> Labels {
        var builder = LabelsBuilder()
        var seen: Set<String> = []
        var conflicting: Set<String> = []
        for matcher in matchers where matcher.name != Labels.metricName {
            if seen.insert(matcher.name).inserted && matcher.operation == .equal {
                builder.set(matcher.name, matcher.value)
            } else {
                conflicting.insert(matcher.name)
            }
        }
        for name in conflicting { builder.remove(name) }
        return builder.labels()
    }
}
