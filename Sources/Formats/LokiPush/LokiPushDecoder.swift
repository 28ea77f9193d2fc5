import Bedrock
import Model

/// Decodes Loki's push requests, protobuf (`logproto.PushRequest`, after snappy) and JSON, into batches. Reuse one per thread: it keeps the
/// labels that senders repeat. Not thread-safe.
public struct LokiPushDecoder: ~Copyable {
    var writer: LogRowWriter
    private var cache = LabelTextCache()

    public init(options: LogDecodeOptions = LogDecodeOptions()) { writer = LogRowWriter(options: options) }

    /// Appends the entries of a protobuf request to `batch`.
    /// - Throws: when the request as a whole is unusable; clear the batch then.
    public mutating func decode(
        protobuf request: UnsafeRawBufferPointer, into batch: LogBatch
    ) throws(LogDecodeError) -> LogDecodeReport {
        writer.beginRequest()
        do throws(DecodeError) { try decodeRequest(ProtobufReader(request), into: batch) } catch {
            throw .malformed(error)
        }
        try writer.checkLimits()
        return writer.report
    }

    /// `PushRequest`: streams = 1.
    private mutating func decodeRequest(_ message: ProtobufReader, into batch: LogBatch) throws(DecodeError) {
        var message = message
        while !message.isAtEnd {
            let tag = try message.tag()
            guard tag == ProtobufReader.tag(1, .bytes) else {
                try message.skip(tag)
                continue
            }
            try decodeStream(try message.message(), into: batch)
            if writer.isOverLimit { return }
        }
    }

    /// `StreamAdapter`: labels = 1, entries = 2, hash = 3.
    private mutating func decodeStream(_ message: ProtobufReader, into batch: LogBatch) throws(DecodeError) {
        var message = message
        var isBegun = false
        while !message.isAtEnd {
            let tag = try message.tag()
            if tag == ProtobufReader.tag(1, .bytes), !isBegun {
                begin(try message.bytes(), in: batch)
                isBegun = true
            } else if tag == ProtobufReader.tag(2, .bytes) {
                if !isBegun {
                    // Entries before their labels: allowed, and never seen.
                    begin(try Self.labels(message), in: batch)
                    isBegun = true
                }
                try decodeEntry(try message.message(), into: batch)
            } else {
                try message.skip(tag)
            }
        }
        batch.dropLastStreamIfEmpty()
    }

    /// The labels of a stream whose entries stand before them.
    private static func labels(_ message: ProtobufReader) throws(DecodeError) -> UnsafeRawBufferPointer {
        var message = message
        // The cursor stands behind an entry's tag.
        _ = try message.bytes()
        while !message.isAtEnd {
            let tag = try message.tag()
            if tag == ProtobufReader.tag(1, .bytes) { return try message.bytes() }
            try message.skip(tag)
        }
        return .nothing
    }

    private mutating func begin(_ text: UnsafeRawBufferPointer, in batch: LogBatch) {
        let hash = Hash128(of: text)
        if let labels = cache.find(text, hash) { return writer.beginStream(canonical: labels, in: batch) }
        writer.labelScratch.clear()
        writer.labels.clear()
        guard LokiLabelText.gather(text, into: &writer.labels, &writer.labelScratch) else {
            return writer.beginFlawedStream(.malformedLabels)
        }
        writer.beginStream(in: batch)
        if writer.streamFlaw == nil { cache.add(text, hash, labels: writer.writtenLabels) }
    }

    /// `EntryAdapter`: timestamp = 1, line = 2, structuredMetadata = 3.
    @inline(__always)
    private mutating func decodeEntry(_ message: ProtobufReader, into batch: LogBatch) throws(DecodeError) {
        var message = message
        var timestamp: Int64? = 0
        var line = UnsafeRawBufferPointer.nothing
        if !writer.metadata.pairs.isEmpty { writer.metadata.clear() }
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(1, .bytes): timestamp = try Self.timestamp(try message.message())
            case ProtobufReader.tag(2, .bytes): line = try message.bytes()
            case ProtobufReader.tag(3, .bytes): try decodeMetadata(try message.message())
            default: try message.skip(tag)
            }
        }
        guard let timestamp else { return writer.refuse(.badTimestamp, "a timestamp is out of range") }
        writer.add(timestamp, line: line, to: batch)
        if !writer.metadata.pairs.isEmpty { writer.scratch.clear() }
    }

    /// `google.protobuf.Timestamp`: seconds = 1, nanos = 2. Nil when it is beyond 64 bits of nanoseconds.
    @inline(__always)
    private static func timestamp(_ message: ProtobufReader) throws(DecodeError) -> Int64? {
        var message = message
        var seconds: Int64 = 0
        var nanoseconds: Int64 = 0
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(1, .varint): seconds = Int64(bitPattern: try message.varint())
            case ProtobufReader.tag(2, .varint): nanoseconds = Int64(bitPattern: try message.varint())
            default: try message.skip(tag)
            }
        }
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, late) = whole.addingReportingOverflow(nanoseconds)
        return overflow || late ? nil : sum
    }

    /// `LabelPairAdapter`: name = 1, value = 2.
    private mutating func decodeMetadata(_ message: ProtobufReader) throws(DecodeError) {
        var message = message
        var name = UnsafeRawBufferPointer.nothing
        var value = UnsafeRawBufferPointer.nothing
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(1, .bytes): name = try message.bytes()
            case ProtobufReader.tag(2, .bytes): value = try message.bytes()
            default: try message.skip(tag)
            }
        }
        writer.metadata.add(FieldNames.plain(name, &writer.scratch), value)
    }
}
