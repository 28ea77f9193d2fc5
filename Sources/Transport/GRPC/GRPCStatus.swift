/// How a call ended (gRPC, `statuscodes.md`).
public struct GRPCStatus: Error, Equatable, Sendable {
    public enum Code: Int, Sendable {
        case ok = 0
        case cancelled = 1
        case unknown = 2
        case invalidArgument = 3
        case deadlineExceeded = 4
        case notFound = 5
        case permissionDenied = 7
        case resourceExhausted = 8
        case failedPrecondition = 9
        case unimplemented = 12
        case `internal` = 13
        case unavailable = 14
        case unauthenticated = 16
    }

    public var code: Code
    public var message: String
    /// `google.rpc.Status` as protobuf, for `grpc-status-details-bin`; empty: none.
    public var details: [UInt8]

    public init(_ code: Code, _ message: String = "", details: [UInt8] = []) {
        self.code = code
        self.message = message
        self.details = details
    }

    public static let ok = GRPCStatus(.ok)

    /// `message` as a header can hold it: everything but visible ASCII, and `%`, percent-encoded (gRPC over HTTP/2, "Responses").
    var encodedMessage: String {
        var text: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        // Peers limit header lists; a long complaint is cut.
        for byte in message.utf8.prefix(1024) {
            if byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "%") {
                text.append(byte)
            } else {
                text += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
