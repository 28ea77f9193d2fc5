import Bedrock

/// A condition on one label of a series. A missing label counts as the empty string. Immutable and thread-safe.
public struct Matcher: Sendable {
    public enum Operation: String, Sendable {
        case equal = "="
        case notEqual = "!="
        case regex = "=~"
        case notRegex = "!~"
    }

    public let name: String
    public let operation: Operation
    public let value: String
    /// Compiled, for the regex operations; anchored at both ends.
    public let regex: RegularExpression?

    /// - Throws: when a regex operation's `value` doesn't compile.
    public init(_ name: String, _ operation: Operation, _ value: String) throws(RegexError) {
        self.name = name
        self.operation = operation
        self.value = value
        switch operation {
        case .equal, .notEqual: regex = nil
        case .regex, .notRegex: regex = try RegularExpression(value, anchored: true)
        }
    }

    /// An equality matcher, which can't fail.
    public init(_ name: String, equals value: String) {
        self.name = name
        operation = .equal
        self.value = value
        regex = nil
    }

    /// Whether a label with this value (empty: absent) passes.
    public func matches(_ candidate: UnsafeRawBufferPointer) -> Bool {
        switch operation {
        case .equal: equalsValue(candidate)
        case .notEqual: !equalsValue(candidate)
        case .regex: regex?.matches(candidate) ?? false
        case .notRegex: !(regex?.matches(candidate) ?? true)
        }
    }

    public func matches(_ candidate: String) -> Bool {
        var candidate = candidate
        return candidate.withUTF8 { matches(UnsafeRawBufferPointer($0)) }
    }

    /// Whether a series without the label passes.
    public var matchesEmpty: Bool { matches("") }

    private func equalsValue(_ candidate: UnsafeRawBufferPointer) -> Bool {
        value.utf8.count == candidate.count && value.utf8.elementsEqual(candidate)
    }
}

extension Matcher: Hashable {
    public static func == (a: Matcher, b: Matcher) -> Bool {
        a.name == b.name && a.operation == b.operation && a.value == b.value
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(operation)
        hasher.combine(value)
    }
}

extension Matcher: CustomStringConvertible {
    /// As PromQL writes it.
    public var description: String {
        (isLegacyLabelName(name) ? name : quoted(name)) + operation.rawValue + quoted(value)
    }
}

extension Labels {
    /// Whether all matchers pass.
    public func match(_ matchers: [Matcher]) -> Bool {
        matchers.allSatisfy { matcher in
            var name = matcher.name
            return name.withUTF8 { wanted in
                withValue(of: UnsafeRawBufferPointer(wanted)) {
                    matcher.matches($0 ?? UnsafeRawBufferPointer(start: nil, count: 0))
                }
            }
        }
    }
}
