import Bedrock

/// What a collector says it refused of a request that it otherwise took: `Export…ServiceResponse`, alike for the three signals.
public struct OTLPPartialSuccess: Sendable, Equatable {
    /// Records refused.
    public var rejected = 0
    public var message = ""

    /// Reads a response's body; what cannot be read tells of nothing refused.
    public init(_ body: [UInt8]) {
        let read: (rejected: Int, message: String)? = body.withUnsafeBytes { try? Self.read($0) }
        if let read { (rejected, message) = read }
    }

    private static func read(_ bytes: UnsafeRawBufferPointer) throws(DecodeError) -> (rejected: Int, message: String) {
        var reader = ProtobufReader(bytes)
        var found = (rejected: 0, message: "")
        while !reader.isAtEnd {
            let tag = try reader.tag()
            guard tag == ProtobufReader.tag(1, .bytes) else {
                try reader.skip(tag)
                continue
            }
            var partial = try reader.message()
            while !partial.isAtEnd {
                let tag = try partial.tag()
                switch tag {
                case ProtobufReader.tag(1, .varint):
                    found.rejected = Int(clamping: Int64(bitPattern: try partial.varint()))
                case ProtobufReader.tag(2, .bytes): found.message = String(decoding: try partial.bytes(), as: UTF8.self)
                default: try partial.skip(tag)
                }
            }
        }
        return found
    }
}
