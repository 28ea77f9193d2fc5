import Bedrock
import Model

/// A matcher made ready for going through many label values: reduced as far as possible, negation taken out. Immutable and thread-safe.
struct ValueTest: Sendable {
    enum Kind: Sendable {
        /// Exactly these texts; looked up one by one.
        case literals([[UInt8]])
        case everything
        case prefix
        case suffix([UInt8])
        case contains([UInt8])
        case regex(RegularExpression)
    }

    let kind: Kind
    /// What every passing value begins with.
    let prefix: [UInt8]
    /// Whether the matcher wants the series that do *not* pass.
    let isNegated: Bool

    init(_ matcher: Matcher) {
        isNegated = matcher.operation == .notEqual || matcher.operation == .notRegex
        guard let regex = matcher.regex else {
            kind = .literals([Array(matcher.value.utf8)])
            prefix = []
            return
        }
        switch RegexReduction(matcher.value) {
        case .literals(let texts): (kind, prefix) = (.literals(texts.map { Array($0.utf8) }), [])
        case .everything: (kind, prefix) = (.everything, [])
        // An absent label is empty, so whatever is there passes; `matchesEmpty` tells the rest.
        case .notEmpty: (kind, prefix) = (.prefix, [])
        case .prefix(let text): (kind, prefix) = (.prefix, Array(text.utf8))
        case .suffix(let text): (kind, prefix) = (.suffix(Array(text.utf8)), [])
        case .contains(let text): (kind, prefix) = (.contains(Array(text.utf8)), [])
        case .regex(let text): (kind, prefix) = (.regex(regex), Array(text.utf8))
        }
    }

    /// Whether a series without the label passes, before negation.
    var passesEmpty: Bool {
        switch kind {
        case .literals(let texts): texts.contains([])
        case .everything: true
        case .prefix: false
        case .suffix(let text), .contains(let text): text.isEmpty
        case .regex(let regex): regex.matches("")
        }
    }

    /// Whether a value that begins with `prefix` and is not empty passes, before negation.
    func passes(_ value: UnsafeRawBufferPointer) -> Bool {
        switch kind {
        case .literals(let texts): texts.contains { $0.elementsEqual(value) }
        case .everything, .prefix: true
        case .suffix(let text):
            value.count >= text.count
                && UnsafeRawBufferPointer(rebasing: value[(value.count - text.count)...]).elementsEqual(text)
        case .contains(let text):
            text.withUnsafeBytes { value.firstOffset(of: $0) != nil }
        case .regex(let regex): regex.matches(value)
        }
    }
}
