import Bedrock

/// A target or a form could not be read as what it claims to be; answered with 400.
struct MalformedText: Error, Equatable {
    let reason: String
}

/// Percent-encoding (RFC 3986) and its form variant.
public enum PercentCoding {
    /// Decodes `%XX` (and `+` as a space, in forms); nil for a broken escape, a NUL, or a result that is not UTF-8.
    public static func decode(_ bytes: UnsafeBufferPointer<UInt8>, plusIsSpace: Bool) -> String? {
        if !bytes.contains(where: { $0 == percent || ($0 == plus && plusIsSpace) || $0 >= 0x80 || $0 == 0 }) {
            return String(decoding: bytes, as: UTF8.self)
        }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var i = 0
        while i < bytes.count {
            let byte = bytes[i]
            if byte == percent {
                guard i + 2 < bytes.count, let high = hex(bytes[i + 1]), let low = hex(bytes[i + 2]) else { return nil }
                decoded.append(high << 4 | low)
                i += 3
            } else {
                decoded.append(byte == plus && plusIsSpace ? 0x20 : byte)
                i += 1
            }
        }
        if decoded.contains(0) { return nil }
        return String(validating: decoded, as: UTF8.self)
    }

    /// Everything but the unreserved characters of RFC 3986 as `%XX`: right for a path segment and for a parameter.
    public static func encode(_ text: String) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(text.utf8.count + 16)
        for byte in text.utf8 {
            if isUnreserved(byte) {
                out.append(byte)
            } else {
                out.append(percent)
                out.append(digits[Int(byte >> 4)])
                out.append(digits[Int(byte & 15)])
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// `name=value&…`, encoded; for queries and for form bodies.
    public static func form(_ parameters: [(name: String, value: String)]) -> String {
        parameters.map { encode($0.name) + "=" + encode($0.value) }.joined(separator: "&")
    }

    /// Appends the parameters of a query or a form to `parameters`, of which there may be `limit`.
    static func parseForm(
        _ bytes: UnsafeBufferPointer<UInt8>, into parameters: inout [(name: String, value: String)], limit: Int
    ) throws(MalformedText) {
        var start = 0
        while start < bytes.count {
            let rest = UnsafeBufferPointer(rebasing: bytes[start...])
            let length = rest.firstIndex(of: ampersand) ?? rest.count
            let pair = UnsafeBufferPointer(rebasing: rest[..<length])
            start += length + 1
            if pair.isEmpty { continue }
            guard parameters.count < limit else { throw MalformedText(reason: "more than \(limit) parameters") }
            let split = pair.firstIndex(of: equals) ?? pair.count
            let value = UnsafeBufferPointer(rebasing: pair[min(split + 1, pair.count)...])
            guard let name = decode(UnsafeBufferPointer(rebasing: pair[..<split]), plusIsSpace: true),
                let value = decode(value, plusIsSpace: true)
            else { throw MalformedText(reason: "parameter \(parameters.count + 1) is not percent-encoded UTF-8") }
            parameters.append((name, value))
        }
    }

    private static let percent = UInt8(ascii: "%")
    private static let plus = UInt8(ascii: "+")
    private static let ampersand = UInt8(ascii: "&")
    private static let equals = UInt8(ascii: "=")
    private static let digits = Array("0123456789ABCDEF".utf8)

    private static func isUnreserved(_ c: UInt8) -> Bool {
        (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57) || c == 45 || c == 46 || c == 95
            || c == 126
    }

    private static func hex(_ c: UInt8) -> UInt8? {
        switch c {
        case 48...57: c - 48
        case 65...70: c - 55
        case 97...102: c - 87
        default: nil
        }
    }
}
