import Bedrock
import Model

/// Gathers lines of any streams and tenants, and how far their sources were read, into one record. Not thread-safe.
final class LogRecordBuilder {
    private final class Part {
        let batch = LogBatch()
        var streams: [Labels: Int32] = [:]
        var streamOfRow: ContiguousArray<Int32> = []
        var last: (labels: Labels, index: Int32)?

        func select(_ labels: Labels) -> Int32 {
            if let last, last.labels == labels { return last.index }
            let index: Int32
            if let known = streams[labels] {
                index = known
            } else {
                index = Int32(streams.count)
                streams[labels] = index
                batch.beginStream(labels)
            }
            last = (labels, index)
            return index
        }
    }

    private var parts: [String: Part] = [:]
    private var advances: [String: [UInt8]] = [:]
    /// Rows of all tenants so far.
    private(set) var rowCount = 0
    /// Bytes of lines and metadata so far.
    private(set) var byteCount = 0

    var isEmpty: Bool { rowCount == 0 && advances.isEmpty }

    func append(
        tenant: String, labels: Labels, timestamp: Int64, line: UnsafeRawBufferPointer, metadata: UnsafeRawBufferPointer
    ) {
        let part: Part
        if let known = parts[tenant] {
            part = known
        } else {
            part = Part()
            parts[tenant] = part
        }
        let stream = part.select(labels)
        part.streamOfRow.append(stream)
        part.batch.append(timestamp: timestamp, line: line, metadata: metadata)
        rowCount += 1
        byteCount += line.count + metadata.count + MemoryLayout<LogBatch.Row>.stride
    }

    /// Notes how far a source was read; its later word counts.
    func advance(_ key: String, _ value: [UInt8]) { advances[key] = value }

    /// The record; the builder must not be used again.
    func finish() -> LogRecord {
        var record = LogRecord()
        for (tenant, part) in parts.sorted(by: { $0.key < $1.key }) {
            part.streamOfRow.withUnsafeBufferPointer { part.batch.group(by: $0) }
            record.sections.append(LogRecord.Section(tenant: tenant, batch: part.batch))
        }
        record.advances = advances.sorted { $0.key < $1.key }.map { LogAdvance(key: $0.key, value: $0.value) }
        return record
    }
}
