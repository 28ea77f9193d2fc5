import Bedrock
import Model

/// Decodes syslog messages (RFC 5424, RFC 3164 and what comes close) into batches. Labels are `host`, `app`, `severity` and `facility`; process,
/// message id and structured data become metadata; the line is the message, byte for byte. Not thread-safe.
public struct SyslogDecoder: ~Copyable {
    private var rows: LogRowWriter

    public init(options: LogDecodeOptions = LogDecodeOptions()) { rows = LogRowWriter(options: options) }

    /// Begins a batch of messages.
    public mutating func begin() { rows.beginRequest() }

    /// Adds one message, without its framing.
    ///
    /// - Parameters:
    ///   - peer: the sender's address, which stands for a host that isn't named.
    ///   - arrival: time of a message that has none, in nanoseconds.
    public mutating func add(
        _ message: UnsafeRawBufferPointer, peer: UnsafeRawBufferPointer, arrival: Int64, to batch: LogBatch
    ) {
        rows.scratch.clear()
        rows.labels.clear()
        rows.metadata.clear()
        let parsed = SyslogMessage(message, now: arrival)
        if !parsed.app.isEmpty { rows.labels.add(UnsafeRawBufferPointer("app"), text(parsed.app)) }
        rows.labels.add(
            UnsafeRawBufferPointer("facility"), UnsafeRawBufferPointer(SyslogNames.facility(parsed.facility)))
        let host = parsed.host.isEmpty ? peer : parsed.host
        if !host.isEmpty { rows.labels.add(UnsafeRawBufferPointer("host"), text(host)) }
        rows.labels.add(
            UnsafeRawBufferPointer("severity"), UnsafeRawBufferPointer(SyslogNames.severity(parsed.severity)))
        if !parsed.process.isEmpty { rows.metadata.add(UnsafeRawBufferPointer("proc_id"), parsed.process) }
        if !parsed.messageID.isEmpty { rows.metadata.add(UnsafeRawBufferPointer("msg_id"), parsed.messageID) }
        if !parsed.structuredData.isEmpty {
            SyslogElements.gather(parsed.structuredData, into: &rows.metadata, &rows.scratch)
        }
        rows.selectStream(in: batch)
        rows.add(parsed.time ?? arrival, line: parsed.line, to: batch)
    }

    /// Completes the batch.
    public mutating func finish(_ batch: LogBatch) -> LogDecodeReport {
        rows.finishSelecting(batch)
        return rows.report
    }

    /// A label's value has to be UTF-8: other bytes become question marks.
    private mutating func text(_ value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        if UTF8Text.isValid(value) { return value }
        let readable = rows.scratch.text(bytesMax: value.count) { room in
            for i in 0..<value.count {
                room.storeBytes(of: value[i] < 0x80 ? value[i] : UInt8(ascii: "?"), toByteOffset: i, as: UInt8.self)
            }
            return value.count
        }
        return readable ?? value
    }
}
