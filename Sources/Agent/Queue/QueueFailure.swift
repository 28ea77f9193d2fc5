import Bedrock

/// Why the send queue can't do what it was asked to.
public enum QueueFailure: Error, Equatable, Sendable, CustomStringConvertible {
    case file(FileError)
    /// `bytesMax` is used up, and the queue refuses rather than drops.
    case full(bytesMax: Int)
    case tooLarge(bytes: Int)
    /// Written by a newer version of this program.
    case newerFormat(path: String, version: UInt32)
    case corrupt(path: String, String)

    public var description: String {
        switch self {
        case .file(let error): error.description
        case .full(let bytesMax): "the send queue is full (\(bytesMax) bytes)"
        case .tooLarge(let bytes): "a record of \(bytes) bytes is over the limit of \(QueueLimits.recordBytesMax)"
        case .newerFormat(let path, let version):
            "\(path) has format version \(version), this program knows \(QueueFormat.version); start the newer program, or move the queue away"
        case .corrupt(let path, let what): "\(path) is damaged: \(what)"
        }
    }
}
