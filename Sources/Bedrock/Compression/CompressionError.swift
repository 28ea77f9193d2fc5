/// Why a body could not be compressed or decompressed.
public enum CompressionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The input is not valid for its format.
    case corrupt(String)
    /// The output would be larger than the caller's limit, in bytes; nothing was allocated beyond it.
    case tooLarge(limit: Int)

    public var description: String {
        switch self {
        case .corrupt(let why): "compressed data is corrupt: \(why)"
        case .tooLarge(let limit): "decompressed data is over \(limit) bytes"
        }
    }
}
