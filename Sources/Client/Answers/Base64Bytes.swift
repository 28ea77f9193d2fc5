import Bedrock

extension Base64 {
    /// The bytes that `text` encodes; nil where it is no base64.
    public static func bytes(_ text: some Collection<UInt8>) -> [UInt8]? {
        let text = Array(text)
        var bytes = [UInt8](repeating: 0, count: text.count)
        let count = text.withUnsafeBytes { source in bytes.withUnsafeMutableBytes { decode(source, into: $0) } }
        guard let count else { return nil }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
