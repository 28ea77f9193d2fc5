import Bedrock
import Model

/// One reason to keep a trace. A trace is kept when any policy wants it.
public struct SamplingPolicy: Sendable {
    public enum Rule: Sendable {
        case always
        /// A span whose status is error.
        case error
        /// From the first start to the last end at least this long; nanoseconds.
        case latency(Int64)
        /// This share of all traces, 0 to 1, the same traces on every agent: it is decided by the trace's id.
        case probabilistic(Double)
        /// As many spans a second as leave room; whole traces.
        case rate(spansPerSecond: Double)
        /// A span, or its resource, with such an attribute.
        case attribute(key: String, AttributeTest)
    }

    public enum AttributeTest: Sendable {
        case exists
        /// Its text is one of these; numbers and bools as they are written.
        case oneOf([String])
        /// Anchored at both ends.
        case matches(RegularExpression)
        case range(ClosedRange<Double>)
    }

    /// For metrics and messages.
    public var name: String
    public var rule: Rule

    public init(name: String, rule: Rule) {
        self.name = name
        self.rule = rule
    }
}

extension SamplingPolicy.AttributeTest {
    func passes(_ value: AttributeBytes) -> Bool {
        switch self {
        case .exists: value.type != .empty
        case .oneOf(let texts):
            value.type == .string
                ? texts.contains { value.payload.elementsEqual($0.utf8) } : texts.contains(Self.text(value))
        case .matches(let regex):
            value.type == .string ? regex.matches(value.payload) : Self.text(value).withUTF8Bytes { regex.matches($0) }
        case .range(let range):
            switch value.type {
            case .int: range.contains(Double(value.int))
            case .double: range.contains(value.double)
            default: false
            }
        }
    }

    private static func text(_ value: AttributeBytes) -> String {
        switch value.type {
        case .bool: value.bool ? "true" : "false"
        case .int: String(value.int)
        case .double: NumberText.text(value.double)
        default: ""
        }
    }
}

extension String {
    fileprivate func withUTF8Bytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        var copy = self
        return copy.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
}
