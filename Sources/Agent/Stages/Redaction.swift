import Bedrock
import Model

/// A rule that takes secrets out of lines. Immutable and thread-safe.
struct RedactionRule: Equatable, Sendable {
    enum BuiltIn: String, Sendable, CaseIterable {
        case bearerTokens = "bearer_tokens"
        case awsKeys = "aws_keys"
        case privateKeys = "private_keys"
        case urlPasswords = "url_passwords"
        /// Numbers of 13 to 19 digits whose check digit fits (Luhn).
        case creditCards = "credit_cards"
        case emails
    }

    /// Which rule it is, for counting.
    let name: String
    let builtIn: BuiltIn?
    let expression: Expression
    /// Go's template syntax for groups; nil: `<redacted:NAME>`.
    let replacement: String?
    /// The group that is the secret; 0: the whole match.
    let group: Int
    /// Of these one stands in any line that matches; empty: unknown.
    let hints: [String]

    init(_ builtIn: BuiltIn) throws(RegexError) {
        name = builtIn.rawValue
        self.builtIn = builtIn
        replacement = nil
        switch builtIn {
        case .bearerTokens:
            expression = try Expression(
                #"(?i)\b(?:bearer|authorization:\s*basic|authorization:\s*token)\s+([A-Za-z0-9+/_.~=-]{8,})"#)
            group = 1
            hints = []
        case .awsKeys:
            expression = try Expression(
                #"\b((?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16})\b|(?i:aws_?secret_?(?:access_?)?key)["']?\s*[:=]\s*["']?([A-Za-z0-9/+]{40})"#
            )
            group = 0
            hints = []
        case .privateKeys:
            expression = try Expression(
                #"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)"#)
            group = 0
            hints = ["PRIVATE KEY-----"]
        case .urlPasswords:
            expression = try Expression(#"[A-Za-z][A-Za-z0-9+.-]*://[^\s:/?#@]*:([^\s/?#@]+)@"#)
            group = 1
            hints = ["://"]
        case .creditCards:
            expression = try Expression(#"\b(?:\d[ -]?){12,18}\d\b"#)
            group = 0
            hints = []
        case .emails:
            expression = try Expression(#"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"#)
            group = 0
            hints = ["@"]
        }
    }

    /// A rule of the operator's own.
    init(name: String, regex: String, replacement: String?) throws(RegexError) {
        self.name = name
        builtIn = nil
        expression = try Expression(regex)
        self.replacement = replacement
        group = 0
        hints = []
    }
}

/// Takes secrets out of lines, labels and metadata before they leave their source. Not thread-safe.
final class Redactor {
    private let rules: [RedactionRule]
    private let counted: (String, Int) -> Void
    private static let keyBegin = Array("-----BEGIN ".utf8)
    private static let keyEnd = Array("-----END ".utf8)
    private static let keyWord = Array("PRIVATE KEY-----".utf8)
    private let redactsKeys: Bool
    /// Lines are within a private key that began in an earlier one.
    var isInsideKey = false

    /// - Parameter counted: told how often a rule found something in a text.
    init(_ rules: [RedactionRule], counted: @escaping (String, Int) -> Void) {
        self.rules = rules
        self.counted = counted
        redactsKeys = rules.contains { $0.builtIn == .privateKeys }
    }

    var isIdle: Bool { rules.isEmpty }

    /// The line without secrets; nil when there are none.
    func redactLine(_ line: UnsafeRawBufferPointer) -> [UInt8]? {
        guard redactsKeys else { return redact(line) }
        if isInsideKey {
            isInsideKey = !contains(line, Self.keyEnd)
            counted(RedactionRule.BuiltIn.privateKeys.rawValue, 1)
            return Array("<redacted:private_keys>".utf8)
        }
        if contains(line, Self.keyBegin) && contains(line, Self.keyWord) && !contains(line, Self.keyEnd) {
            isInsideKey = true
        }
        return redact(line)
    }

    /// The text without secrets; nil when there are none.
    func redact(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        var current: [UInt8]?
        for rule in rules {
            let next = current.map { bytes in bytes.withUnsafeBytes { apply(rule, $0) } } ?? apply(rule, text)
            if let next { current = next }
        }
        return current
    }

    func redact(_ labels: inout LabelsBuilder) {
        for label in labels.list {
            var value = label.value
            let clean = value.withUTF8 { redact(UnsafeRawBufferPointer($0)) }
            if let clean { labels.set(label.name, String(decoding: clean, as: UTF8.self)) }
        }
    }

    private func contains(_ line: UnsafeRawBufferPointer, _ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { line.firstOffset(of: $0) != nil }
    }

    private func apply(_ rule: RedactionRule, _ text: UnsafeRawBufferPointer) -> [UInt8]? {
        if !rule.hints.isEmpty, !rule.hints.contains(where: { contains(text, Array($0.utf8)) }) { return nil }
        let expression = rule.expression.compiled
        guard expression.matches(text) else { return nil }
        var result: [UInt8] = []
        var done = 0
        var from = 0
        var count = 0
        while from <= text.count, let groups = expression.captures(text, from: from), let whole = groups[0] {
            from = whole.isEmpty ? whole.upperBound + 1 : whole.upperBound
            let target = (rule.group < groups.count ? groups[rule.group] : nil) ?? whole
            if rule.builtIn == .creditCards, !Luhn.fits(text[target]) { continue }
            result += text[done..<target.lowerBound]
            result += replacement(rule, text, target)
            done = target.upperBound
            count += 1
        }
        guard count > 0 else { return nil }
        counted(rule.name, count)
        result += text[done...]
        return result
    }

    private func replacement(_ rule: RedactionRule, _ text: UnsafeRawBufferPointer, _ target: Range<Int>) -> [UInt8] {
        guard let template = rule.replacement else { return Array("<redacted:\(rule.name)>".utf8) }
        let match = String(decoding: text[target], as: UTF8.self)
        return Array((rule.expression.compiled.expand(template, matching: match) ?? template).utf8)
    }
}

/// The check digit of card numbers (ISO/IEC 7812).
enum Luhn {
    /// Whether the digits in `text` end in the right check digit; what isn't a digit is passed over.
    static func fits(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
        var sum = 0
        var count = 0
        for byte in text.reversed() where byte >= 48 && byte <= 57 {
            var digit = Int(byte - 48)
            if count % 2 == 1 {
                digit *= 2
                if digit > 9 { digit -= 9 }
            }
            sum += digit
            count += 1
        }
        return count >= 13 && sum % 10 == 0
    }
}
