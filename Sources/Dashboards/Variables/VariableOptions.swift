import Bedrock
import Glibc

/// From what a query brings to what can be chosen.
enum VariableOptions {
    /// Cuts values by the pattern, drops doubles and sorts.
    /// - Throws: where the pattern is broken.
    static func make(_ values: [String], pattern: String, sorting: Variable.Sorting) throws(RegexError) -> [Variable
        .Option]
    {
        var options =
            pattern.isEmpty ? values.map { Variable.Option($0) } : try cut(values, FieldReader.stripSlashes(pattern))
        var seen: Set<String> = []
        options = options.filter { seen.insert($0.value).inserted }
        return sorted(options, sorting)
    }

    private static func cut(_ values: [String], _ pattern: String) throws(RegexError) -> [Variable.Option] {
        let expression = try RegularExpression(rePattern(pattern), anchored: false)
        let textGroup = expression.groupIndex("text")
        let valueGroup = expression.groupIndex("value")
        return values.compactMap { value in
            var copy = value
            return copy.withUTF8 { buffer -> Variable.Option? in
                let raw = UnsafeRawBufferPointer(buffer)
                guard let groups = expression.captures(raw) else { return nil }
                func group(_ index: Int?) -> String? {
                    guard let index, index < groups.count, let range = groups[index] else { return nil }
                    return String(decoding: raw[range], as: UTF8.self)
                }
                if textGroup != nil || valueGroup != nil {
                    guard let found = group(valueGroup) ?? group(textGroup) else { return nil }
                    return Variable.Option(text: group(textGroup) ?? found, value: found)
                }
                return (group(1) ?? group(0)).map { Variable.Option($0) }
            }
        }
    }

    /// JavaScript's named groups, in RE2's spelling.
    private static func rePattern(_ pattern: String) -> String {
        pattern.replacing("(?<text>", with: "(?P<text>").replacing("(?<value>", with: "(?P<value>")
    }

    private static func sorted(_ options: [Variable.Option], _ sorting: Variable.Sorting) -> [Variable.Option] {
        func number(_ option: Variable.Option) -> Double {
            Double(option.text.drop { !$0.isNumber }.prefix { $0.isNumber || $0 == "." }) ?? -1
        }
        switch sorting {
        case .none: return options
        case .alphabeticalAscending: return options.sorted { $0.text < $1.text }
        case .alphabeticalDescending: return options.sorted { $0.text > $1.text }
        case .numericalAscending: return options.sorted { number($0) < number($1) }
        case .numericalDescending: return options.sorted { number($0) > number($1) }
        case .caseInsensitiveAscending: return options.sorted { $0.text.lowercased() < $1.text.lowercased() }
        case .caseInsensitiveDescending: return options.sorted { $0.text.lowercased() > $1.text.lowercased() }
        }
    }

    /// `a, b : 2, c\,d`: values split by commas, each perhaps as `text : value`.
    static func custom(_ text: String) -> [Variable.Option] {
        var parts: [String] = [""]
        var isEscaped = false
        for character in text {
            if isEscaped {
                if character != "," { parts[parts.count - 1].append("\\") }
                parts[parts.count - 1].append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "," {
                parts.append("")
            } else {
                parts[parts.count - 1].append(character)
            }
        }
        return parts.map(trimmed).filter { !$0.isEmpty }.map { part in
            guard let colon = part.firstRange(of: " : ") else { return Variable.Option(part) }
            return Variable.Option(
                text: trimmed(String(part[..<colon.lowerBound])), value: trimmed(String(part[colon.upperBound...])))
        }
    }

    private static func trimmed(_ text: String) -> String {
        var part = Substring(text)
        while let first = part.first, first.isWhitespace { part = part.dropFirst() }
        while let last = part.last, last.isWhitespace { part = part.dropLast() }
        return String(part)
    }
}
