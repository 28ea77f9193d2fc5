import Bedrock
import Model

/// Postings of one run (a segment or a memtable): which series have which label.
protocol LabelIndex {
    /// All series.
    func everySeries() throws -> OrdinalSet
    /// Adds the series that have the pair to `set`.
    func add(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, to set: OrdinalSet) throws
    /// Adds the series that have the label with a value that begins with `prefix` and passes.
    func add(
        name: UnsafeRawBufferPointer, prefix: UnsafeRawBufferPointer, to set: OrdinalSet,
        where passes: (UnsafeRawBufferPointer) throws -> Bool
    ) throws
    /// What `make` gives for a matcher, perhaps remembered from before.
    func remembered(_ matcher: Matcher, _ make: () throws -> OrdinalSet) throws -> OrdinalSet
}

/// Matchers prepared for evaluation on any number of runs. Immutable and thread-safe.
struct MatcherPlan: Sendable {
    private struct Step: Sendable {
        var matcher: Matcher
        var test: ValueTest
        /// Whether the series found by the test are wanted (else: unwanted).
        var keeps: Bool
    }

    let matchers: [Matcher]
    private let steps: [Step]

    init(_ matchers: [Matcher]) {
        self.matchers = matchers
        // What keeps little comes first.
        steps = matchers.map { matcher in
            let test = ValueTest(matcher)
            return Step(matcher: matcher, test: test, keeps: !(test.passesEmpty != test.isNegated))
        }.filter { step in
            // What every series passes needs no look.
            if case .everything = step.test.kind { return step.test.isNegated }
            return true
        }.sorted { Self.weight($0.test, $0.keeps) < Self.weight($1.test, $1.keeps) }
    }

    private static func weight(_ test: ValueTest, _ keeps: Bool) -> Int {
        guard keeps else { return 10 }
        switch test.kind {
        case .literals(let texts): return texts.count == 1 ? 0 : 1
        case .prefix where !test.prefix.isEmpty: return 2
        case .regex where !test.prefix.isEmpty: return 3
        default: return 4
        }
    }

    /// The series of a run that pass all matchers.
    func evaluate(_ index: some LabelIndex, cancellation: Cancellation) throws -> OrdinalSet {
        var result: OrdinalSet?
        for step in steps {
            try cancellation.check()
            if let result, result.isEmpty { return result }
            let found = try series(step, index, cancellation)
            if step.keeps {
                result = result.map { $0.intersection(found) } ?? found
            } else {
                result = (try result ?? index.everySeries()).subtracting(found)
            }
        }
        return try result ?? index.everySeries()
    }

    /// The series to keep, or to take away, for one matcher.
    ///
    /// A label that is missing counts as empty. So where the empty value passes, the series with a value that does not are taken away;
    /// where it doesn't, the series with a value that does are kept.
    private func series(_ step: Step, _ index: some LabelIndex, _ cancellation: Cancellation) throws -> OrdinalSet {
        let test = step.test
        let wantsPassing = step.keeps != test.isNegated
        var name = step.matcher.name
        return try name.withUTF8 { name in
            let name = UnsafeRawBufferPointer(name)
            if wantsPassing, case .literals(let texts) = test.kind {
                let set = OrdinalSet()
                for text in texts where !text.isEmpty {
                    try text.withUnsafeBytes { try index.add(name: name, value: $0, to: set) }
                }
                return set
            }
            return try index.remembered(step.matcher) {
                let set = OrdinalSet()
                var looked = 0
                let prefix = wantsPassing ? test.prefix : []
                try prefix.withUnsafeBytes { prefix in
                    try index.add(name: name, prefix: prefix, to: set) { value in
                        looked += 1
                        if looked % 1024 == 0 { try cancellation.check() }
                        let startsRight = wantsPassing || test.prefix.isEmpty || value.starts(with: test.prefix)
                        return (startsRight && test.passes(value)) == wantsPassing
                    }
                }
                return set
            }
        }
    }
}
