import Bedrock
import Model

/// A line filter, compiled. Thread-safe.
struct LinePredicate: Sendable {
    private enum Test: Sendable {
        case literal([UInt8])
        case ip(IPMatcher)
        case regex(RegularExpression)
        case pattern(PatternExpression)
    }

    private let tests: [Test]
    private let isNegated: Bool

    init(_ stage: LineFilterStage) throws(PipelineError) {
        var tests: [Test] = []
        for operand in stage.alternatives {
            switch operand {
            case .literal(let bytes): tests.append(.literal(bytes))
            case .ip(let pattern): tests.append(.ip(try IPMatcher(pattern)))
            case .pattern(let text): tests.append(.pattern(try PatternExpression.lineFilter(text)))
            case .regex(let pattern):
                do throws(RegexError) {
                    tests.append(.regex(try RegularExpression("(?s)" + pattern, anchored: false)))
                } catch {
                    throw PipelineError("error parsing regexp: \(error.reason): `\(pattern)`")
                }
            }
        }
        self.tests = tests
        isNegated = stage.isNegated
    }

    func passes(_ line: UnsafeRawBufferPointer) -> Bool {
        for i in tests.indices where matches(i, line) { return !isNegated }
        return isNegated
    }

    @inline(__always)
    private func matches(_ index: Int, _ line: UnsafeRawBufferPointer) -> Bool {
        switch tests[index] {
        case .literal(let bytes): bytes.withUnsafeBytes { line.firstOffset(of: $0) != nil }
        case .ip(let matcher): matcher.matchesAny(in: line)
        case .regex(let regex): regex.matches(line)
        case .pattern(let pattern): pattern.matches(line)
        }
    }
}
