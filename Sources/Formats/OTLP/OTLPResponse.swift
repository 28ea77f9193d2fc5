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
