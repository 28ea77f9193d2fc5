import Bedrock
import LSM
import Model

/// The payload of a metrics queue record: one shard's part of a batch.
///
/// Series of one request resemble each other, so a label set is written as what differs from the one before it.
/// ```
/// ┌────────────┬──────────────┬────────────┬─ per series ────────────────────────────────────────────────┐
/// │ version u8 │ series count │ base time  │ prefix, suffix, middle lengths (varints), middle bytes      │
/// │   1 or 2   │ varint       │ svarint ms │ rows << 1 | has histograms (varint), [histogram count]      │
/// │            │              │            │ per row: time - previous time (svarint), value (8 bytes)    │
/// │            │              │            │ per histogram: time - previous time, `HistogramRecord`      │
/// ├────────────┴──────────────┴────────────┴─────────────────────────────────────────────────────────────┤
/// │ metadata count; per family: kind u8, name, help, unit (varint length and bytes)                      │
/// ├──────────────────────────────────────────────────────────────────────────────────────────────────────┤
/// │ version 2: exemplar count; per exemplar: series - series before (varint), time - previous time       │
/// │ (svarint), value (8 bytes), labels (varint length and bytes)                                         │
/// └──────────────────────────────────────────────────────────────────────────────────────────────────────┘
/// ```
/// `prefix` and `suffix` are how many bytes the canonical label set shares with the front and the back of the previous one.
public enum MetricRecord {
    /// The newest version; older ones are read, too. A record without exemplars is written as version 1.
    public static let version: UInt8 = 2

    /// Appends the record of the series `entries` (indices into `batch.entries`, in any order) of a batch.
    /// - Parameter metadata: whether the batch's metadata goes into this record; one shard's record should carry it.
    public static func encode(
        _ batch: MetricBatch, entries: some Collection<Int>, metadata: Bool, into target: inout ByteBuffer
    ) {
        let hasExemplars = !batch.exemplars.isEmpty && entries.contains { !batch.exemplars(of: $0).isEmpty }
        target.append(hasExemplars ? version : 1)
        target.append(varint: entries.count)
        var time = entries.first.map { firstTime(batch, batch.entries[$0]) } ?? 0
        target.append(signedVarint: time)
        batch.withLabelArena { arena in
            var previous = UnsafeRawBufferPointer(start: nil, count: 0)
            for index in entries {
                let entry = batch.entries[index]
                let labels = UnsafeRawBufferPointer(
                    rebasing: arena[entry.labelOffset..<entry.labelOffset + entry.labelLength])
                encode(labels, after: previous, into: &target)
                previous = labels
                encodeRows(batch, entry, &time, into: &target)
            }
        }
        target.append(varint: metadata ? batch.metadata.count : 0)
        if metadata { for item in batch.metadata { encode(item, into: &target) } }
        if hasExemplars { encodeExemplars(batch, entries, &time, into: &target) }
    }

    private static func encodeExemplars(
        _ batch: MetricBatch, _ entries: some Collection<Int>, _ time: inout Int64, into target: inout ByteBuffer
    ) {
        target.append(varint: entries.reduce(0) { $0 + batch.exemplars(of: $1).count })
        var previous = 0
        for (series, index) in entries.enumerated() {
            for row in batch.exemplars(of: index) {
                let item = batch.exemplars[row]
                target.append(varint: series - previous)
                target.append(signedVarint: item.timestamp &- time)
                target.append(item.value)
                batch.withLabels(item) { target.append(prefixed: $0) }
                time = item.timestamp
                previous = series
            }
        }
    }

    /// The record of a whole batch.
    public static func encode(_ batch: MetricBatch, into target: inout ByteBuffer) {
        encode(batch, entries: batch.entries.indices, metadata: true, into: &target)
    }

    private static func firstTime(_ batch: MetricBatch, _ entry: MetricBatch.Entry) -> Int64 {
        if entry.rowCount > 0 { return batch.timestamps[entry.firstRow] }
        return entry.histogramCount > 0 ? batch.histograms[entry.firstHistogram].timestamp : 0
    }

    private static func encode(
        _ labels: UnsafeRawBufferPointer, after previous: UnsafeRawBufferPointer, into target: inout ByteBuffer
    ) {
        let shorter = min(labels.count, previous.count)
        let prefix = commonPrefix(labels, previous, limit: shorter)
        let suffix = commonSuffix(labels, previous, limit: shorter - prefix)
        target.append(varint: prefix)
        target.append(varint: suffix)
        target.append(prefixed: UnsafeRawBufferPointer(rebasing: labels[prefix..<labels.count - suffix]))
    }

    private static func encodeRows(
        _ batch: MetricBatch, _ entry: MetricBatch.Entry, _ time: inout Int64, into target: inout ByteBuffer
    ) {
        target.append(varint: entry.rowCount << 1 | (entry.histogramCount > 0 ? 1 : 0))
        if entry.histogramCount > 0 { target.append(varint: entry.histogramCount) }
        for row in entry.firstRow..<entry.firstRow + entry.rowCount {
            let timestamp = batch.timestamps[row]
            target.append(signedVarint: timestamp &- time)
            target.append(batch.values[row])
            time = timestamp
        }
        for row in entry.firstHistogram..<entry.firstHistogram + entry.histogramCount {
            let item = batch.histograms[row]
            target.append(signedVarint: item.timestamp &- time)
            HistogramRecord.encode(item.histogram, into: &target)
            time = item.timestamp
        }
    }

    static func encode(_ item: MetricMetadata, into target: inout ByteBuffer) {
        target.append(UInt8(MetricMetadata.Kind.allCases.firstIndex(of: item.kind) ?? 0))
        target.append(prefixed: item.family)
        target.append(prefixed: item.help)
        target.append(prefixed: item.unit)
    }

    static func decodeMetadata(_ reader: inout ByteReader) throws(DecodeError) -> MetricMetadata {
        let kind = Int(try reader.u8())
        guard kind < MetricMetadata.Kind.allCases.count else {
            throw DecodeError("unknown metric kind \(kind)", at: reader.offset - 1)
        }
        let family = String(decoding: try reader.prefixed(), as: UTF8.self)
        let help = String(decoding: try reader.prefixed(), as: UTF8.self)
        let unit = String(decoding: try reader.prefixed(), as: UTF8.self)
        return MetricMetadata(family: family, kind: MetricMetadata.Kind.allCases[kind], help: help, unit: unit)
    }
}

/// How many leading bytes `a` and `b` share; both hold at least `limit` bytes.
func commonPrefix(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer, limit: Int) -> Int {
    guard limit > 0, let x = a.baseAddress, let y = b.baseAddress else { return 0 }
    var i = 0
    while i + 8 <= limit {
        let difference =
            UInt64(littleEndian: x.loadUnaligned(fromByteOffset: i, as: UInt64.self))
            ^ UInt64(littleEndian: y.loadUnaligned(fromByteOffset: i, as: UInt64.self))
        if difference != 0 { return i + difference.trailingZeroBitCount >> 3 }
        i += 8
    }
    while i < limit, a[i] == b[i] { i += 1 }
    return i
}

/// How many trailing bytes `a` and `b` share, at most `limit`, which both hold.
func commonSuffix(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer, limit: Int) -> Int {
    guard limit > 0, let x = a.baseAddress, let y = b.baseAddress else { return 0 }
    let endA = x + a.count
    let endB = y + b.count
    var i = 0
    while i + 8 <= limit {
        let difference =
            UInt64(littleEndian: (endA - i - 8).loadUnaligned(as: UInt64.self))
            ^ UInt64(littleEndian: (endB - i - 8).loadUnaligned(as: UInt64.self))
        if difference != 0 { return i + difference.leadingZeroBitCount >> 3 }
        i += 8
    }
    while i < limit, a[a.count - 1 - i] == b[b.count - 1 - i] { i += 1 }
    return i
}
