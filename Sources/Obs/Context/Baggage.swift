/// Names and values that travel with a request through all services (W3C Baggage). A value; thread-safe.
public struct Baggage: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    /// One entry.
    public struct Entry: Sendable, Hashable {
        public var key: String
        public var value: String
        /// Properties behind the value, as they came.
        public var metadata: String

        public init(_ key: String, _ value: String, metadata: String = "") {
            self.key = key
            self.value = value
            self.metadata = metadata
        }
    }

    /// Most entries and bytes of a header; further entries are left out (W3C Baggage §3.3.2).
    static let entriesMax = 180
    static let bytesMax = 8192

    public private(set) var entries: [Entry] = []

    public init() {}

    public init(dictionaryLiteral elements: (String, String)...) { for (key, value) in elements { self[key] = value } }

    public var isEmpty: Bool { entries.isEmpty }

    /// The value of `key`; nil removes it. Keys that are no HTTP tokens are ignored.
    public subscript(key: String) -> String? {
        get { entries.first { $0.key == key }?.value }
        set {
            guard let newValue else { return entries.removeAll { $0.key == key } }
            set(Entry(key, newValue))
        }
    }

    /// Sets an entry, metadata and all.
    public mutating func set(_ entry: Entry) {
        guard Self.isToken(entry.key) else { return }
        if let at = entries.firstIndex(where: { $0.key == entry.key }) {
            entries[at] = entry
        } else {
            entries.append(entry)
        }
    }

    /// Reads a `baggage` header. Members that are none are left out.
    public init(header: String) {
        for member in header.prefix(Self.bytesMax * 2).split(separator: ",") {
            guard entries.count < Self.entriesMax else { return }
            let parts = member.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
            guard let pair = parts.first, let equals = pair.firstIndex(of: "=") else { continue }
            let key = String(pair[..<equals]).trimmingBlanks()
            let value = PercentText.decode(String(pair[pair.index(after: equals)...]).trimmingBlanks())
            set(Entry(key, value, metadata: parts.count > 1 ? Self.plain(parts[1]) : ""))
        }
    }

    /// As a `baggage` header.
    public var header: String {
        var text = ""
        for entry in entries.prefix(Self.entriesMax) {
            var member = entry.key + "=" + Self.encoded(entry.value)
            if !entry.metadata.isEmpty { member += ";" + Self.plain(entry.metadata[...]) }
            guard text.utf8.count + member.utf8.count < Self.bytesMax else { break }
            text += text.isEmpty ? member : "," + member
        }
        return text
    }

    /// What may stand in a header as it is; the rest is left out.
    private static func plain(_ text: Substring) -> String {
        let bytes = text.utf8.filter { (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: ",") }
        return String(decoding: bytes, as: UTF8.self).trimmingBlanks()
    }

    private static func isToken(_ key: String) -> Bool {
        !key.isEmpty
            && key.utf8.allSatisfy { c in
                (48...57).contains(c) || (c | 0x20) &- 97 < 26 || "!#$%&'*+-.^_`|~".utf8.contains(c)
            }
    }

    /// Percent-encodes what a value may not hold as it is (`baggage-octet`), and `%`.
    private static func encoded(_ value: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in value.utf8 {
            let isPlain = byte > 0x20 && byte < 0x7F && !"\",;\\%".utf8.contains(byte)
            if isPlain {
                out.append(byte)
            } else {
                out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
