import Bedrock

/// A `Content-Encoding` that both sides may use.
public enum ContentCoding: String, Sendable, CaseIterable {
    case zstd
    case gzip
    /// The zlib format (RFC 1950), as RFC 9110 defines HTTP's word "deflate".
    case deflate
    case identity

    /// What a request's `Content-Encoding` names; nil when it is none of ours. `snappy` is left to the route: remote write and Loki push
    /// say it of a body that is snappy's block format, which their decoders read.
    init?(contentEncoding name: String) {
        switch name.lowercased() {
        case "", "identity", "snappy": self = .identity
        case "gzip", "x-gzip": self = .gzip
        case "deflate": self = .deflate
        case "zstd": self = .zstd
        default: return nil
        }
    }

    /// The coding to answer with: the client's highest weight wins, among equals the order of the cases above.
    public static func negotiate(_ acceptEncoding: String?) -> ContentCoding {
        guard let acceptEncoding else { return .identity }
        var weights: [(ContentCoding, Double)] = []
        var anything: Double?
        for item in acceptEncoding.utf8.split(separator: UInt8(ascii: ",")) {
            let parts = item.split(separator: UInt8(ascii: ";"))
            guard let first = parts.first else { continue }
            let name = trimmed(first)
            let weight = parts.dropFirst().lazy.map(trimmed).first { $0.hasPrefix("q=") }.map {
                Double($0.dropFirst(2)) ?? 0
            }
            if name == "*" { anything = weight ?? 1 }
            if let coding = ContentCoding(rawValue: name == "x-gzip" ? "gzip" : name) {
                weights.append((coding, weight ?? 1))
            }
        }
        var best = ContentCoding.identity
        var bestWeight = 0.0
        for coding in allCases where coding != .identity {
            let weight = weights.first { $0.0 == coding }?.1 ?? anything ?? 0
            if weight > bestWeight { (best, bestWeight) = (coding, weight) }
        }
        if let plain = weights.first(where: { $0.0 == .identity })?.1, plain > bestWeight { return .identity }
        return best
    }

    /// Appends `source` in this coding to `target`, quickly rather than tightly.
    func encode(_ source: UnsafeRawBufferPointer, into target: inout ByteBuffer) {
        switch self {
        case .identity: target.append(source)
        case .gzip: Gzip.compress(source, into: &target, level: 1)
        case .deflate: Gzip.compress(source, into: &target, level: 1, format: .zlib)
        case .zstd: Zstd.compress(source, into: &target, level: 1)
        }
    }

    /// Appends the decoded form of `source` to `target`, at most `limit` bytes of it.
    func decode(
        _ source: UnsafeRawBufferPointer, into target: inout ByteBuffer, limit: Int
    ) throws(CompressionError) {
        switch self {
        case .identity: target.append(source)
        case .gzip, .deflate: try Gzip.decompress(source, into: &target, limit: limit)
        case .zstd: try Zstd.decompress(source, into: &target, limit: limit)
        }
    }

    private static func trimmed(_ bytes: Substring.UTF8View.SubSequence) -> String {
        String(decoding: bytes.filter { $0 != 0x20 && $0 != 0x09 }, as: UTF8.self).lowercased()
    }
}
