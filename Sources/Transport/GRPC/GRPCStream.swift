import Bedrock

/// One call of a connection, from its headers to its trailers.
final class GRPCStream {
    var path = ""
    var method = ""
    var headers = HTTPHeaders()
    var headerBytes = 0
    var body: [UInt8] = []
    /// Bytes taken of the server's budget.
    var heldBytes = 0
    var isDispatched = false
    var isAnswered = false
    /// Answered before the caller had said everything.
    var isCutShort = false
    /// Monotonic nanoseconds of its headers.
    let began: UInt64
    /// When it is answered without the handler, monotonic nanoseconds.
    var deadline = UInt64.max
    /// When it was answered, monotonic nanoseconds.
    var answered: UInt64 = 0
    /// Ends the handler's work early.
    var cancellation: Cancellation?
    /// The answer's bytes, and how many of them went out.
    var output: [UInt8] = []
    var sent = 0
    /// What follows the message.
    var status = GRPCStatus.ok

    init(began: UInt64) { self.began = began }

    /// The message out of its frame: a flag, four bytes of length, that many bytes (gRPC over HTTP/2, "Length-Prefixed-Message").
    func message(limit: Int) -> Result<[UInt8], GRPCStatus> {
        guard body.count >= 5 else {
            return .failure(GRPCStatus(.internal, "the call has no message, or only part of one"))
        }
        let length = body[1..<5].reduce(0) { $0 << 8 | Int($1) }
        guard length == body.count - 5 else {
            let reason = length < body.count - 5 ? "more than one message" : "only part of its message"
            return .failure(GRPCStatus(.internal, "a unary call with \(reason)"))
        }
        switch body[0] {
        case 0:
            body.removeFirst(5)
            return .success(body)
        case 1: return decompressed(limit: limit)
        default: return .failure(GRPCStatus(.internal, "a message with unknown flags \(body[0])"))
        }
    }

    private func decompressed(limit: Int) -> Result<[UInt8], GRPCStatus> {
        var plain = ByteBuffer(capacity: min(limit, body.count * 4))
        let coding = headers["grpc-encoding"] ?? "identity"
        let limit = limit
        let failure = body.withUnsafeBytes { bytes -> CompressionError? in
            let content = UnsafeRawBufferPointer(rebasing: bytes[5...])
            do throws(CompressionError) {
                switch coding {
                case "gzip": try Gzip.decompress(content, into: &plain, limit: limit)
                case "zstd": try Zstd.decompress(content, into: &plain, limit: limit)
                default: throw .corrupt("compressed without a grpc-encoding")
                }
                return nil
            } catch {
                return error
            }
        }
        if let failure {
            if case .tooLarge = failure { return .failure(GRPCStatus(.resourceExhausted, failure.description)) }
            return .failure(GRPCStatus(.internal, failure.description))
        }
        return .success(plain.array())
    }

    /// Nanoseconds of `grpc-timeout`: at most eight digits and a unit; nil when there is none, or it is none.
    var timeout: UInt64? {
        guard let text = headers["grpc-timeout"], let unit = text.utf8.last, text.utf8.count <= 9,
            let number = UInt64(text.dropLast())
        else { return nil }
        let units: [UInt8: UInt64] = [
            UInt8(ascii: "H"): 3_600_000_000_000, UInt8(ascii: "M"): 60_000_000_000, UInt8(ascii: "S"): 1_000_000_000,
            UInt8(ascii: "m"): 1_000_000, UInt8(ascii: "u"): 1_000, UInt8(ascii: "n"): 1,
        ]
        // Eight digits of hours are more nanoseconds than there are numbers.
        return units[unit].map { number.multipliedReportingOverflow(by: $0) }.map {
            $0.overflow ? .max : $0.partialValue
        }
    }
}
