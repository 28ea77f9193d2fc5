import Bedrock
import Model

/// One record of the log queue: lines, a batch a tenant, and how far the sources were read for them.
struct LogRecord {
    struct Section {
        var tenant: String
        var batch: LogBatch
    }

    var sections: [Section] = []
    var advances: [LogAdvance] = []

    var rowCount: Int { sections.reduce(0) { $0 + $1.batch.rowCount } }
}

/// `LogRecord` as bytes of a queue record (version 1): zstd over everything. Never part of any protocol between machines.
enum LogRecordCodec {
    static let version: UInt8 = 1

    static func encode(_ record: LogRecord, into target: inout ByteBuffer) {
        var plain = ByteBuffer(capacity: record.sections.reduce(1024) { $0 + $1.batch.byteCount })
        plain.append(varint: record.advances.count)
        for advance in record.advances {
            plain.append(prefixed: advance.key)
            advance.value.withUnsafeBytes { plain.append(prefixed: $0) }
        }
        plain.append(varint: record.sections.count)
        for section in record.sections {
            plain.append(prefixed: section.tenant)
            append(section.batch, to: &plain)
        }
        RecordPayload.pack(plain, version: version, into: &target)
    }

    private static func append(_ batch: LogBatch, to plain: inout ByteBuffer) {
        plain.append(varint: batch.streams.count)
        var previous: Int64 = 0
        for (index, stream) in batch.streams.enumerated() {
            batch.withLabels(index) { plain.append(prefixed: $0) }
            plain.append(varint: stream.rowCount)
            batch.withArena { arena in
                for row in batch.rows[stream.firstRow..<stream.firstRow + stream.rowCount] {
                    plain.append(signedVarint: row.timestamp &- previous)
                    previous = row.timestamp
                    plain.append(
                        prefixed: UnsafeRawBufferPointer(
                            rebasing: arena[row.lineOffset..<row.lineOffset + row.lineLength]))
                    plain.append(
                        prefixed: UnsafeRawBufferPointer(
                            rebasing: arena[row.metadataOffset..<row.metadataOffset + row.metadataLength]))
                }
            }
        }
    }

    static func decode(_ record: UnsafeRawBufferPointer) throws(DecodeError) -> LogRecord {
        try RecordPayload.unpack(record, version: version) { (reader) throws(DecodeError) in
            var result = LogRecord()
            result.advances = try advances(&reader)
            for _ in 0..<(try reader.length(limit: reader.remaining)) {
                let tenant = String(decoding: try reader.prefixed(), as: UTF8.self)
                result.sections.append(LogRecord.Section(tenant: tenant, batch: try batch(&reader)))
            }
            return result
        }
    }

    /// Only what says how far the sources were read.
    static func advances(_ record: UnsafeRawBufferPointer) throws(DecodeError) -> [LogAdvance] {
        try RecordPayload.unpack(record, version: version) { (reader) throws(DecodeError) in try advances(&reader) }
    }

    private static func advances(_ reader: inout ByteReader) throws(DecodeError) -> [LogAdvance] {
        var result: [LogAdvance] = []
        for _ in 0..<(try reader.length(limit: reader.remaining)) {
            let key = String(decoding: try reader.prefixed(), as: UTF8.self)
            result.append(LogAdvance(key: key, value: Array(try reader.prefixed())))
        }
        return result
    }

    private static func batch(_ reader: inout ByteReader) throws(DecodeError) -> LogBatch {
        let batch = LogBatch()
        var previous: Int64 = 0
        for _ in 0..<(try reader.length(limit: reader.remaining)) {
            let labels = try reader.prefixed()
            try CanonicalLabels.check(labels, at: reader.offset)
            batch.beginStream(canonical: labels)
            for _ in 0..<(try reader.length(limit: reader.remaining)) {
                previous = previous &+ (try reader.signedVarint())
                let line = try reader.prefixed()
                let metadata = try reader.prefixed()
                try CanonicalLabels.check(metadata, at: reader.offset)
                batch.append(timestamp: previous, line: line, metadata: metadata)
            }
        }
        return batch
    }
}
