import Bedrock
import Model

/// Decodes OTLP logs requests (`ExportLogsServiceRequest`), protobuf and JSON, into batches. Reuse one per thread. Not thread-safe.
public struct OTLPLogsDecoder: ~Copyable {
    var writer: OTLPLogWriter

    public init(options: LogDecodeOptions = LogDecodeOptions()) { writer = OTLPLogWriter(options: options) }

    /// Appends the records of a protobuf request to `batch`.
    /// - Parameter arrival: time of records that have none, in nanoseconds.
    /// - Throws: when the request as a whole is unusable; clear the batch then.
    public mutating func decode(
        protobuf request: UnsafeRawBufferPointer, arrival: Int64, into batch: LogBatch
    ) throws(LogDecodeError) -> LogDecodeReport {
        writer.beginRequest(arrival: arrival)
        do throws(DecodeError) { try decodeRequest(ProtobufReader(request), into: batch) } catch {
            throw .malformed(error)
        }
        try writer.rows.checkLimits()
        return writer.rows.report
    }

    /// `ExportLogsServiceRequest`: resource_logs = 1.
    private mutating func decodeRequest(_ message: ProtobufReader, into batch: LogBatch) throws(DecodeError) {
        var message = message
        while !message.isAtEnd {
            let tag = try message.tag()
            guard tag == ProtobufReader.tag(1, .bytes) else {
                try message.skip(tag)
                continue
            }
            try decodeResource(try message.message(), into: batch)
            if writer.rows.isOverLimit { return }
        }
    }

    /// `ResourceLogs`: resource = 1, scope_logs = 2.
    private mutating func decodeResource(_ message: ProtobufReader, into batch: LogBatch) throws(DecodeError) {
        writer.beginResource()
        if var resource = try Self.first(1, in: message) {
            // `Resource`: attributes = 1.
            while !resource.isAtEnd {
                let tag = try resource.tag()
                if tag == ProtobufReader.tag(1, .bytes) {
                    try decodeAttribute(try resource.message(), of: .resource)
                } else {
                    try resource.skip(tag)
                }
            }
        }
        writer.finishResource(in: batch)
        var message = message
        while !message.isAtEnd {
            let tag = try message.tag()
            if tag == ProtobufReader.tag(2, .bytes) {
                try decodeScope(try message.message(), into: batch)
            } else {
                try message.skip(tag)
            }
        }
        if writer.rows.streamFlaw == nil { batch.dropLastStreamIfEmpty() }
    }

    /// The first field `number` of a message, which may stand anywhere.
    private static func first(_ number: UInt64, in message: ProtobufReader) throws(DecodeError) -> ProtobufReader? {
        var message = message
        while !message.isAtEnd {
            let tag = try message.tag()
            if tag == ProtobufReader.tag(number, .bytes) { return try message.message() }
            try message.skip(tag)
        }
        return nil
    }

    /// `ScopeLogs`: scope = 1, log_records = 2.
    private mutating func decodeScope(_ message: ProtobufReader, into batch: LogBatch) throws(DecodeError) {
        writer.beginScope()
        if let scope = try Self.first(1, in: message) { try decodeScopeFields(scope) }
        writer.finishScope()
        var message = message
        while !message.isAtEnd {
            let tag = try message.tag()
            if tag == ProtobufReader.tag(2, .bytes) {
                try decodeRecord(try message.message(), into: batch)
                if writer.rows.isOverLimit { return }
            } else {
                try message.skip(tag)
            }
        }
    }

    /// `InstrumentationScope`: name = 1, version = 2, attributes = 3, dropped_attributes_count = 4.
    private mutating func decodeScopeFields(_ message: ProtobufReader) throws(DecodeError) {
        var message = message
        var name = UnsafeRawBufferPointer.nothing
        var version = name
        var dropped: UInt64 = 0
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(1, .bytes): name = try message.bytes()
            case ProtobufReader.tag(2, .bytes): version = try message.bytes()
            case ProtobufReader.tag(3, .bytes): try decodeAttribute(try message.message(), of: .scope)
            case ProtobufReader.tag(4, .varint): dropped = try message.varint()
            default: try message.skip(tag)
            }
        }
        writer.scope(name: name, version: version, dropped: dropped)
    }

    /// `LogRecord`.
    private mutating func decodeRecord(_ message: ProtobufReader, into batch: LogBatch) throws(DecodeError) {
        var message = message
        var record = OTLPRecord()
        writer.beginRecord()
        while !message.isAtEnd {
            let tag = try message.tag()
            switch tag {
            case ProtobufReader.tag(1, .fixed64): record.time = try message.fixed64()
            case ProtobufReader.tag(11, .fixed64): record.observedTime = try message.fixed64()
            case ProtobufReader.tag(2, .varint): record.severityNumber = Int64(bitPattern: try message.varint())
            case ProtobufReader.tag(3, .bytes): record.severityText = try message.bytes()
            case ProtobufReader.tag(5, .bytes): record.body = .bytes(try decodeBody(try message.message()))
            case ProtobufReader.tag(6, .bytes): try decodeAttribute(try message.message(), of: .record)
            case ProtobufReader.tag(7, .varint): record.droppedAttributes = try message.varint()
            case ProtobufReader.tag(8, .fixed32): record.flags = UInt64(try message.fixed32())
            case ProtobufReader.tag(9, .bytes): record.traceID = identifier(try message.bytes())
            case ProtobufReader.tag(10, .bytes): record.spanID = identifier(try message.bytes())
            case ProtobufReader.tag(12, .bytes): record.eventName = try message.bytes()
            default: try message.skip(tag)
            }
        }
        _ = writer.finish(record, in: batch)
    }

    /// Hexadecimal digits; nothing for an identifier of zeros, which means none.
    private mutating func identifier(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        for byte in bytes where byte != 0 { return writer.rows.scratch.hex(bytes) }
        return .nothing
    }
}
