/// Label names in URLs: `U__` and then underscores as `__`, other characters as `_HEX_` (Prometheus' "values" escaping).
enum EscapedName {
    /// The name that `text` stands for: itself, when it is not escaped or not rightly so.
    static func decode(_ text: String) -> String {
        guard text.hasPrefix("U__") else { return text }
        var rest = text.unicodeScalars.dropFirst(3)
        var name = String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            guard scalar == "_" else {
                name.append(scalar)
                continue
            }
            let code = rest.prefix { $0 != "_" }
            guard code.count <= 6, rest.dropFirst(code.count).first == "_" else { return text }
            rest = rest.dropFirst(code.count + 1)
            if code.isEmpty {
                name.append("_")
            } else {
                guard code.allSatisfy({ $0.isASCII && $0.properties.isHexDigit }),
                    let value = UInt32(String(code), radix: 16),
                    let decoded = Unicode.Scalar(value)
                else { return text }
                name.append(decoded)
            }
        }
        return String(name)
    }
}
