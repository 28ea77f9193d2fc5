import Bedrock

/// How OpenTelemetry's names become Prometheus'; the values of Prometheus' `translation_strategy`.
public enum OTLPNameStrategy: String, Sendable, CaseIterable {
    case underscoreEscapingWithSuffixes = "UnderscoreEscapingWithSuffixes"
    case underscoreEscapingWithoutSuffixes = "UnderscoreEscapingWithoutSuffixes"
    case noUTF8EscapingWithSuffixes = "NoUTF8EscapingWithSuffixes"
    case noTranslation = "NoTranslation"

    /// Whether characters beyond `[a-zA-Z0-9_:]` become underscores.
    var isEscaping: Bool { self == .underscoreEscapingWithSuffixes || self == .underscoreEscapingWithoutSuffixes }
    var hasSuffixes: Bool { self == .underscoreEscapingWithSuffixes || self == .noUTF8EscapingWithSuffixes }
}

/// A name that translates to none.
public struct OTLPNameError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String
}

/// Translates names of metrics, units and attributes after OpenTelemetry's compatibility specification, as Prometheus' `otlptranslator` does.
/// Thread-safe.
public struct OTLPNames: Sendable {
    /// What matters of a metric's type for its name.
    public enum Kind: UInt8, Sendable { case gauge, counter, other }

    public var strategy: OTLPNameStrategy
    /// Goes in front of every metric's name.
    public var namespace: String
    /// Keeps several underscores in a row in names of labels.
    public var keepsMultipleUnderscores: Bool
    /// Puts `key` before names of labels that begin with one underscore.
    public var sanitizesLeadingUnderscore: Bool

    public init(
        strategy: OTLPNameStrategy = .underscoreEscapingWithSuffixes, namespace: String = "",
        keepsMultipleUnderscores: Bool = true, sanitizesLeadingUnderscore: Bool = true
    ) {
        self.strategy = strategy
        self.namespace = namespace
        self.keepsMultipleUnderscores = keepsMultipleUnderscores
        self.sanitizesLeadingUnderscore = sanitizesLeadingUnderscore
    }

    // MARK: Metrics

    /// - Throws: when nothing is left of the name.
    public func metric(_ name: String, unit: String, kind: Kind) throws(OTLPNameError) -> String {
        guard strategy.isEscaping else { return verbatim(name, unit, kind) }
        let result = strategy.hasSuffixes ? normalised(name, unit, kind) : escaped(name)
        let quotedName = "normalization for metric \"\(name)\" resulted in "
        if result.isEmpty { throw OTLPNameError(description: quotedName + "empty name") }
        if result != name, result.utf8.allSatisfy({ $0 == UInt8(ascii: "_") }) {
            throw OTLPNameError(description: quotedName + "invalid name \"\(result)\"")
        }
        return result
    }

    /// The word for a unit, such as `bytes_per_second`; empty for none.
    public func unit(_ unit: String) -> String {
        let words = OTLPUnits.words(unit)
        let main = Self.cleaned(words.main)
        var per = Self.cleaned(words.per)
        if per == "per_" { per = "" }
        return Self.joined([main, per])
    }

    private func normalised(_ name: String, _ unit: String, _ kind: Kind) -> String {
        var tokens = name.unicodeScalars.split { !Self.isMetricCharacter($0) }.map(String.init)
        addUnit(unit, to: &tokens)
        if kind == .counter { Self.move("total", toEndOf: &tokens) }
        if unit == "1", kind == .gauge { Self.move("ratio", toEndOf: &tokens) }
        if !namespace.isEmpty { tokens.insert(namespace, at: 0) }
        return Self.withoutLeadingDigit(tokens.joined(separator: "_"))
    }

    private func addUnit(_ unit: String, to tokens: inout [String]) {
        let words = OTLPUnits.words(unit)
        var main = Self.cleaned(words.main)
        var per = Self.cleaned(words.per)
        if tokens.contains(main) { main = "" }
        if per == "per_" { per = "" }
        if per.hasSuffix("_") { per.removeLast() }
        if tokens.contains(per) { per = "" }
        if !per.isEmpty, main.hasSuffix("_") { main.removeLast() }
        if !main.isEmpty { tokens.append(main) }
        if !per.isEmpty { tokens.append(per) }
    }

    private static func move(_ word: String, toEndOf tokens: inout [String]) {
        tokens.removeAll { $0 == word }
        tokens.append(word)
    }

    private func escaped(_ name: String) -> String {
        let words = { (text: String) in
            text.unicodeScalars.split { $0 != "_" && !Self.isMetricCharacter($0) }.map(String.init)
                .joined(separator: "_")
        }
        let plain = words(name)
        return namespace.isEmpty ? Self.withoutLeadingDigit(plain) : words(namespace) + "_" + plain
    }

    private func verbatim(_ name: String, _ unit: String, _ kind: Kind) -> String {
        var result = namespace.isEmpty ? name : namespace + "_" + name
        guard strategy.hasSuffixes else { return result }
        let words = OTLPUnits.words(unit)
        var endings: [String] = []
        if unit == "1", kind == .gauge { endings.append("ratio") }
        if kind == .counter { endings.append("total") }
        if !words.per.isEmpty { endings.append(words.per) }
        for ending in endings where result.hasSuffix("_" + ending) { result.removeLast(ending.count + 1) }
        if !words.main.isEmpty, !result.hasSuffix(words.main) { result += "_" + words.main }
        for ending in endings.reversed() { result += "_" + ending }
        return result
    }

    private static func isMetricCharacter(_ c: Unicode.Scalar) -> Bool {
        switch c {
        case "a"..."z", "A"..."Z", "0"..."9", ":": true
        default: false
        }
    }

    private static func withoutLeadingDigit(_ name: String) -> String {
        guard let first = name.utf8.first, first &- 48 < 10 else { return name }
        return "_" + name
    }

    /// What can't stand in a name becomes an underscore, none at the front and never several in a row.
    private static func cleaned(_ unit: String) -> String {
        var result = ""
        for c in unit.unicodeScalars {
            if isMetricCharacter(c) {
                result.unicodeScalars.append(c)
            } else if !result.isEmpty, !result.hasSuffix("_") {
                result += "_"
            }
        }
        return result
    }

    private static func joined(_ words: [String]) -> String { words.filter { !$0.isEmpty }.joined(separator: "_") }

    // MARK: Labels

    /// - Throws: when nothing is left of the name.
    public func label(_ attribute: String) throws(OTLPNameError) -> String {
        if attribute.isEmpty { throw OTLPNameError(description: "label name is empty") }
        let isBlank = { (text: String) in text.utf8.allSatisfy { $0 == UInt8(ascii: "_") } }
        guard strategy.isEscaping else {
            if isBlank(attribute) {
                throw OTLPNameError(description: "label name \"\(attribute)\" contains only underscores")
            }
            return attribute
        }
        var result = ""
        for c in attribute.unicodeScalars {
            if c != ":", Self.isMetricCharacter(c) {
                result.unicodeScalars.append(c)
            } else if keepsMultipleUnderscores || !result.hasSuffix("_") {
                result += "_"
            }
        }
        if isBlank(result) {
            throw OTLPNameError(
                description: "normalization for label name \"\(attribute)\" resulted in invalid name \"\(result)\"")
        }
        if let first = result.utf8.first, first &- 48 < 10 {
            result = "key_" + result
        } else if sanitizesLeadingUnderscore, result.hasPrefix("_"), !result.hasPrefix("__") {
            result = "key" + result
        }
        return result
    }

    /// The same on bytes: the name itself where it is a label's already, else a copy in `scratch`; nil when nothing is left of it.
    @inline(__always)
    func label(_ attribute: UnsafeRawBufferPointer, _ scratch: inout ScratchArena) -> UnsafeRawBufferPointer? {
        if let first = attribute.first, (first | 0x20) &- 97 < 26, FieldNames.isPlain(attribute),
            keepsMultipleUnderscores
        {
            return attribute
        }
        return renamed(attribute, &scratch)
    }

    @inline(never)
    private func renamed(
        _ attribute: UnsafeRawBufferPointer, _ scratch: inout ScratchArena
    ) -> UnsafeRawBufferPointer? {
        guard var name = try? label(String(decoding: attribute, as: UTF8.self)) else { return nil }
        return name.withUTF8 { scratch.copy(UnsafeRawBufferPointer($0)) }
    }
}
