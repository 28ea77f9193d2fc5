/// How long a request's body is, judged more strictly than the library does: where two readers could disagree on where a request ends,
/// a second one can be smuggled past the first (RFC 9112 §6.3, §11.2).
enum Framing: Equatable {
    case none
    case length(Int)
    case chunked

    /// - Throws: 400 for any ambiguity, 411 where a length is needed, 501 for a transfer coding that is not ours.
    init(_ headers: HTTPHeaders, version: String, method: String) throws(Refusal) {
        var hosts = 0
        var lengths: [String] = []
        var codings: [String] = []
        for (name, value) in headers.fields {
            guard Self.isToken(name) else {
                throw .malformed("header name \"\(name)\" holds a character that is not allowed")
            }
            guard Self.isPrintable(value) else {
                throw .malformed("header \(name) holds a control character")
            }
            switch name.utf8.count {
            case 4 where name.utf8.elementsEqual("host".utf8, by: isSameLetter): hosts += 1
            case 14 where name.utf8.elementsEqual("content-length".utf8, by: isSameLetter): lengths.append(value)
            case 17 where name.utf8.elementsEqual("transfer-encoding".utf8, by: isSameLetter): codings.append(value)
            default: break
            }
        }
        let isFirst = version == "HTTP/1.0"
        guard hosts == 1 || (hosts == 0 && isFirst) else { throw .malformed("there must be exactly one Host header") }
        if codings.isEmpty {
            self = try Self.ofLengths(lengths)
            if isFirst, lengths.isEmpty, method == "POST" || method == "PUT" {
                throw Refusal(status: 411, type: "bad_data", text: "Content-Length is missing", mustClose: true)
            }
            return
        }
        guard lengths.isEmpty else { throw .malformed("Content-Length and Transfer-Encoding exclude each other") }
        guard !isFirst else { throw .malformed("HTTP/1.0 has no Transfer-Encoding") }
        guard codings.count == 1, codings[0].utf8.elementsEqual("chunked".utf8, by: isSameLetter) else {
            throw Refusal(
                status: 501, type: "bad_data", text: "the only Transfer-Encoding understood is chunked", mustClose: true
            )
        }
        self = .chunked
    }

    private static func ofLengths(_ lengths: [String]) throws(Refusal) -> Framing {
        guard let first = lengths.first else { return .none }
        guard lengths.count == 1 else { throw .malformed("there is more than one Content-Length") }
        guard !first.isEmpty, first.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let length = Int(first) else {
            throw .malformed("Content-Length is not a number")
        }
        return length == 0 ? .none : .length(length)
    }

    private static func isToken(_ name: String) -> Bool {
        var name = name
        return name.withUTF8 { bytes in
            for byte in bytes where !isTokenByte(byte) { return false }
            return !bytes.isEmpty
        }
    }

    private static func isPrintable(_ value: String) -> Bool {
        var value = value
        return value.withUTF8 { bytes in
            for byte in bytes where (byte < 0x20 && byte != 0x09) || byte == 0x7F { return false }
            return true
        }
    }

    /// RFC 9110 §5.6.2.
    private static func isTokenByte(_ c: UInt8) -> Bool {
        switch c {
        case 48...57, 65...90, 97...122: true
        case 33, 35...39, 42, 43, 45, 46, 94, 95, 96, 124, 126: true
        default: false
        }
    }
}
