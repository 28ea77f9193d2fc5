import Bedrock
import LSM
import Model

/// A queue record decoded into columns, and its series looked up, before anything is changed: what does not decode leaves no trace.
///
/// Reused from record to record.
struct RecordRows: ~Copyable {
    struct Entry {
        /// Id of a known series, or -1.
        var series: Int
        var hash: Hash128
        /// Where the labels of an unknown series stand in `labels`.
        var labelOffset: Int
        var labelLength: Int
        var rowEnd: Int
        var histogramEnd: Int
    }

    struct Histogram {
        var timestamp: Int64
        /// Within the payload.
        var bytes: Range<Int>
    }

    struct Exemplar {
        /// Index of its series in `entries`.
        var entry: Int
        var timestamp: Int64
        var value: Double
        /// Its canonical labels, within the payload.
        var labels: Range<Int>
    }

    private(set) var entries: ContiguousArray<Entry> = []
    private(set) var timestamps: ContiguousArray<Int64> = []
    private(set) var values: ContiguousArray<Double> = []
    private(set) var histograms: ContiguousArray<Histogram> = []
    private(set) var exemplars: ContiguousArray<Exemplar> = []
    private(set) var metadata: [MetricMetadata] = []
    private var unknown = ByteBuffer(capacity: 1024)

    init() {}

    /// Label bytes of an entry whose series is unknown.
    func labels(_ entry: Entry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: unknown.bytes[entry.labelOffset..<entry.labelOffset + entry.labelLength])
    }

    /// - Throws: when the record is damaged, or a label set in it is not canonical.
    mutating func read(_ payload: UnsafeRawBufferPointer, table: TenantTable?) throws(DecodeError) {
        entries.removeAll(keepingCapacity: true)
        timestamps.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        histograms.removeAll(keepingCapacity: true)
        exemplars.removeAll(keepingCapacity: true)
        metadata.removeAll(keepingCapacity: true)
        unknown.clear()
        var reader = try MetricRecordReader(payload)
        while try reader.nextSeries() {
            let hash = Hash128(of: reader.labels)
            var entry = Entry(
                series: table?.index.find(reader.labels, hash: hash) ?? -1, hash: hash, labelOffset: unknown.count,
                labelLength: reader.labels.count, rowEnd: 0, histogramEnd: 0)
            if entry.series < 0 {
                // A known label set equals one that was checked.
                guard isCanonical(reader.labels) else {
                    throw DecodeError("label set is not canonical", at: reader.offset)
                }
                unknown.append(reader.labels)
            }
            for _ in 0..<reader.rowCount {
                let row = try reader.nextRow()
                timestamps.append(row.timestamp)
                values.append(row.value)
            }
            for _ in 0..<reader.histogramCount {
                let item = try reader.nextHistogram()
                histograms.append(Histogram(timestamp: item.timestamp, bytes: item.bytes))
            }
            entry.rowEnd = timestamps.count
            entry.histogramEnd = histograms.count
            entries.append(entry)
        }
        while let item = try reader.nextMetadata() { metadata.append(item) }
        while let item = try reader.nextExemplar() {
            guard isCanonical(UnsafeRawBufferPointer(rebasing: payload[item.labels])) else {
                throw DecodeError("labels of an exemplar are not canonical", at: item.labels.lowerBound)
            }
            exemplars.append(
                Exemplar(entry: item.series, timestamp: item.timestamp, value: item.value, labels: item.labels))
        }
    }
}
