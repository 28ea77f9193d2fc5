import Bedrock
import Model

/// A PromQL test script: commands that load series, evaluate queries and state what must come out.
///
/// The format is that of Prometheus' own engine tests (`load 1m`, `eval instant at 5m query`, expected series below).
public struct TestScript: Sendable {
    public var commands: [Command]

    public enum Command: Sendable {
        /// Drop all series.
        case clear
        case load(Load)
        case evaluate(Evaluation)
    }

    /// Series to add.
    public struct Load: Sendable {
        /// Line of the command, from 1.
        public var line: Int
        /// Milliseconds between positions; the first one is at 0.
        public var interval: Int64
        /// Also make native histograms with custom buckets of classic ones.
        public var convertsClassicHistograms: Bool
        public var series: [Series]
    }

    /// A label set and its values, position by position.
    public struct Series: Sendable {
        public var line: Int
        public var labels: Labels
        public var values: [Value]
        /// Start timestamps relative to the sample's time, milliseconds, by position; empty where none are written.
        public var startOffsets: [Int64?] = []
    }

    public enum Value: Sendable {
        case missing
        case float(Double)
        /// `statesHint`: the literal names a counter reset hint, so comparisons look at it.
        case histogram(NativeHistogram, statesHint: Bool)
    }

    /// When a query is evaluated; milliseconds.
    public enum Times: Sendable, Equatable {
        case instant(Int64)
        case range(start: Int64, end: Int64, step: Int64)
    }

    public struct Evaluation: Sendable {
        public var line: Int
        public var query: String
        public var times: Times
        public var expected = Expectations()
    }

    /// A condition on an error or annotation text.
    public enum TextCondition: Sendable {
        case any
        case exactly(String)
        /// Found anywhere in the text.
        case containing(RegularExpression)

        func holds(for text: String) -> Bool {
            switch self {
            case .any: true
            case .exactly(let wanted): text == wanted
            case .containing(let regex): regex.matches(text)
            }
        }
    }

    /// What must come out of an evaluation.
    public struct Expectations: Sendable {
        /// Evaluation must fail with such a text.
        public var failure: TextCondition?
        public var warnings: [TextCondition] = []
        public var infos: [TextCondition] = []
        public var forbidsWarnings = false
        public var forbidsInfos = false
        /// The series stand in result order.
        public var isOrdered = false
        public var string: String?
        public var scalar: Double?
        public var series: [Series] = []
        /// For an instant query with a range vector: the times of the values' positions, milliseconds.
        public var rangeVector: Times?
    }
}

/// Why a text is no test script.
public struct TestScriptError: Error, Equatable, Sendable, CustomStringConvertible {
    /// From 1.
    public let line: Int
    public let message: String

    public var description: String { "line \(line): \(message)" }
}

/// Bounds on what a script may ask for.
public enum TestScriptLimits {
    /// Positions of one series line.
    public static let positionsMax = 1_000_000
    /// Positions of all series of a script together.
    public static let positionsTotalMax = 20_000_000
}
