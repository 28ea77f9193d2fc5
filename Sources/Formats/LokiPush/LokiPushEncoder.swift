import Bedrock
import Model

/// Encodes batches as Loki push requests (`logproto.PushRequest`, before snappy).
public enum LokiPushEncoder {
    /// What a request needs beside its body, which is compressed with snappy's block format.
    public static let headers: [(name: String, value: String)] = [("Content-Type", "application/x-protobuf")]

    /// Appends the request's bytes to `target`.
    /// - Parameter streams: which of the batch's stream entries; all of them by default.
    public static func encode(_ batch: LogBatch, streams: Range<Int>? = nil, into target: inout ByteBuffer) {
        var text = ByteBuffer(capacity: 512)
        for index in streams ?? 0..<batch.streams.count {
            let stream = batch.streams[index]
            text.clear()
            batch.withLabels(index) { append($0, asTextTo: &text) }
            batch.withArena { arena in
                var length = 1 + varintLength(UInt64(text.count)) + text.count
                for row in batch.rows[stream.firstRow..<stream.firstRow + stream.rowCount] {
                    let inside = entryLength(row, arena)
                    length += 1 + varintLength(UInt64(inside)) + inside
                }
                target.reserve(length + 16)
                target.append(field: 1, messageLength: length)
                target.append(field: 1, bytes: text.bytes)
                for row in batch.rows[stream.firstRow..<stream.firstRow + stream.rowCount] {
                    target.append(field: 2, messageLength: entryLength(row, arena))
                    append(row, arena, to: &target)
                }
            }
        }
    }

    /// The form in which a request is sent: snappy over `encode`.
    public static func body(_ batch: LogBatch, streams: Range<Int>? = nil, into target: inout ByteBuffer) {
        var message = ByteBuffer(capacity: batch.byteCount)
        encode(batch, streams: streams, into: &message)
        Snappy.compress(message.bytes, into: &target)
    }

    /// `{name="value", other="value"}` of canonical label bytes.
    static func append(_ labels: UnsafeRawBufferPointer, asTextTo text: inout ByteBuffer) {
        var cursor = LabelCursor(labels)
        var separator: StaticString = "{"
        while cursor.next() {
            text.append(utf8: separator)
            text.append(cursor.name)
            text.append(utf8: "=\"")
            for c in cursor.value {
                switch c {
                case UInt8(ascii: "\""): text.append(utf8: "\\\"" as StaticString)
                case UInt8(ascii: "\\"): text.append(utf8: "\\\\" as StaticString)
                case UInt8(ascii: "\n"): text.append(utf8: "\\n" as StaticString)
                default: text.append(c)
                }
            }
            text.append(UInt8(ascii: "\""))
            separator = ", "
        }
        text.append(utf8: labels.isEmpty ? "{}" as StaticString : "}")
    }

    private static func entryLength(_ row: LogBatch.Row, _ arena: UnsafeRawBufferPointer) -> Int {
        let time = timeLength(row.timestamp)
        var length = 1 + varintLength(UInt64(time)) + time
        if row.lineLength > 0 { length += 1 + varintLength(UInt64(row.lineLength)) + row.lineLength }
        var cursor = LabelCursor(metadata(row, arena))
        while cursor.next() {
            let inside = pairLength(cursor)
            length += 1 + varintLength(UInt64(inside)) + inside
        }
        return length
    }

    private static func append(_ row: LogBatch.Row, _ arena: UnsafeRawBufferPointer, to target: inout ByteBuffer) {
        let (seconds, nanoseconds) = split(row.timestamp)
        target.append(field: 1, messageLength: timeLength(row.timestamp))
        if seconds != 0 { target.append(field: 1, varint: UInt64(bitPattern: seconds)) }
        if nanoseconds != 0 { target.append(field: 2, varint: UInt64(nanoseconds)) }
        if row.lineLength > 0 {
            target.append(
                field: 2,
                bytes: UnsafeRawBufferPointer(rebasing: arena[row.lineOffset..<row.lineOffset + row.lineLength]))
        }
        var cursor = LabelCursor(metadata(row, arena))
        while cursor.next() {
            target.append(field: 3, messageLength: pairLength(cursor))
            target.append(field: 1, bytes: cursor.name)
            target.append(field: 2, bytes: cursor.value)
        }
    }

    private static func metadata(_ row: LogBatch.Row, _ arena: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: arena[row.metadataOffset..<row.metadataOffset + row.metadataLength])
    }

    private static func pairLength(_ cursor: LabelCursor) -> Int {
        2 + varintLength(UInt64(cursor.name.count)) + cursor.name.count + varintLength(UInt64(cursor.value.count))
            + cursor.value.count
    }

    private static func timeLength(_ timestamp: Int64) -> Int {
        let (seconds, nanoseconds) = split(timestamp)
        return (seconds == 0 ? 0 : 1 + varintLength(UInt64(bitPattern: seconds)))
            + (nanoseconds == 0 ? 0 : 1 + varintLength(UInt64(nanoseconds)))
    }

    /// Seconds and nanoseconds from 0 to 999,999,999, as `google.protobuf.Timestamp` has them.
    private static func split(_ timestamp: Int64) -> (seconds: Int64, nanoseconds: Int64) {
        let (seconds, rest) = timestamp.quotientAndRemainder(dividingBy: 1_000_000_000)
        return rest < 0 ? (seconds - 1, rest + 1_000_000_000) : (seconds, rest)
    }
}
