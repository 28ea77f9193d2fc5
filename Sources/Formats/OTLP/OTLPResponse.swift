import Bedrock

/// Answers of an OTLP receiver: `Export…ServiceResponse` of each signal, which differ in names only, and `google.rpc.Status` for refusals.
public enum OTLPResponse {
    /// What a request carries.
    public enum Signal: Sendable {
        case logs, traces, metrics

        /// The field that counts what was refused, in JSON.
        var rejectedKey: StaticString {
            switch self {
            case .logs: "rejectedLogRecords"
            case .traces: "rejectedSpans"
            case .metrics: "rejectedDataPoints"
            }
        }
    }

    /// For a request that was taken, possibly without some of its records.
    public static func protobuf(rejected: Int, message: String) -> [UInt8] {
        var response = ByteBuffer()
        guard rejected > 0 || !message.isEmpty else { return [] }
        var partial = ByteBuffer()
        if rejected > 0 { partial.append(field: 1, varint: UInt64(rejected)) }
        if !message.isEmpty { partial.append(field: 2, string: message) }
        response.append(field: 1, bytes: partial.bytes)
        return response.array()
    }

    /// As above, in JSON.
    public static func json(_ signal: Signal, rejected: Int, message: String) -> [UInt8] {
        var writer = JSONWriter(capacity: 128)
        writer.beginObject()
        if rejected > 0 || !message.isEmpty {
            writer.key("partialSuccess")
            writer.beginObject()
            writer.key(signal.rejectedKey)
            writer.string(String(rejected))
            writer.key("errorMessage")
            writer.string(message)
            writer.endObject()
        }
        writer.endObject()
        return writer.finish()
    }

    /// `Status`: code = 1, message = 2.
    public static func status(code: Int, message: String) -> [UInt8] {
        var status = ByteBuffer()
        status.append(field: 1, varint: UInt64(code))
        status.append(field: 2, string: message)
        return status.array()
    }

    /// As above, with the detail that says after how long to try again (`google.rpc.RetryInfo`, in field 3 as an `Any`).
    public static func status(code: Int, message: String, retryAfterSeconds: Int) -> [UInt8] {
        var delay = ByteBuffer()
        delay.append(field: 1, varint: UInt64(max(1, retryAfterSeconds)))
        var info = ByteBuffer()
        info.append(field: 1, bytes: delay.bytes)
        var any = ByteBuffer()
        any.append(field: 1, string: "type.googleapis.com/google.rpc.RetryInfo")
        any.append(field: 2, bytes: info.bytes)
        var status = ByteBuffer()
        status.append(field: 1, varint: UInt64(code))
        status.append(field: 2, string: message)
        status.append(field: 3, bytes: any.bytes)
        return status.array()
    }

    /// The message of a `Status` in protobuf, or all of `body` as text where it is none.
    public static func message(ofStatus body: [UInt8]) -> String {
        body.withUnsafeBytes { bytes in
            var reader = ProtobufReader(bytes)
            do throws(DecodeError) {
                while !reader.isAtEnd {
                    let tag = try reader.tag()
                    if tag == ProtobufReader.tag(2, .bytes) {
                        return String(decoding: try reader.bytes(), as: UTF8.self)
                    }
                    try reader.skip(tag)
                }
                return ""
            } catch {
                return String(decoding: bytes.prefix(512), as: UTF8.self)
            }
        }
    }

    public static func statusJSON(code: Int, message: String) -> [UInt8] {
        var writer = JSONWriter(capacity: 128)
        writer.beginObject()
        writer.key("code")
        writer.integer(code)
        writer.key("message")
        writer.string(message)
        writer.endObject()
        return writer.finish()
    }
}
