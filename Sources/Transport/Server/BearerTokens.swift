import Bedrock

/// The tokens that open a server. Immutable and thread-safe.
public struct BearerTokens: Sendable {
    private var tokens: [[UInt8]] = []

    /// None: every request is let in.
    public init() {}

    /// Empty tokens are left out.
    public init(_ tokens: [String]) { self.tokens = tokens.filter { !$0.isEmpty }.map { Array($0.utf8) } }

    /// One token a line; blank lines and lines that begin with `#` are left out.
    public init(files: any FileSystem, file: String) throws(FileError) {
        let text = String(decoding: try files.readAll(file, limit: 1 << 20), as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline).map { String($0).trimmingBlanks() }
        self.init(lines.filter { !$0.hasPrefix("#") })
    }

    public var isEmpty: Bool { tokens.isEmpty }

    /// Whether an `Authorization` field's value opens the server. Takes as long for a wrong token as for a right one of its length.
    func admit(_ authorization: String?) -> Bool {
        guard let authorization, authorization.utf8.count > 7,
            authorization.utf8.prefix(7).elementsEqual("Bearer ".utf8, by: isSameLetter)
        else { return false }
        let offered = Array(String(authorization.dropFirst(7)).trimmingBlanks().utf8)
        var found = false
        // Every token is compared, so that the time does not tell which one was near.
        for token in tokens where Self.equal(token, offered) { found = true }
        return found
    }

    private static func equal(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        guard a.count == b.count else { return false }
        var difference: UInt8 = 0
        for i in a.indices { difference |= a[i] ^ b[i] }
        return difference == 0
    }
}

/// Whether two ASCII bytes are equal, the case of letters aside.
func isSameLetter(_ a: UInt8, _ b: UInt8) -> Bool {
    a == b || (a | 0x20 == b | 0x20 && (97...122).contains(a | 0x20))
}

extension String {
    /// Without spaces and tabs at both ends.
    func trimmingBlanks() -> String {
        let isText = { (c: UInt8) in c != 0x20 && c != 0x09 }
        guard let first = utf8.firstIndex(where: isText), let last = utf8.lastIndex(where: isText) else { return "" }
        return String(self[first...last])
    }
}
