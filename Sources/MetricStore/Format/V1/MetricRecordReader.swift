import Bedrock
import LSM
import Model

/// Walks a `MetricRecord`. Label sets are rebuilt in one buffer that is reused from series to series; rows are read in place.
///
/// ```
/// var reader = try MetricRecordReader(payload)
/// while try reader.nextSeries() { use reader.labels; for each row: reader.nextRow(); for each histogram: reader.nextHistogram() }
/// while let item = try reader.nextMetadata() { … }
/// while let item = try reader.nextExemplar() { … }
/// ```
/// Rows and histograms of a series must be read, all of them and in this order, before the next series. Not thread-safe.
struct MetricRecordReader: ~Copyable {
    private var reader: ByteReader
    private var seriesLeft: Int
    private var metadataLeft = -1
    private var exemplarsLeft = -1
    private let version: UInt8
    private let seriesCount: Int
    private var exemplarSeries = 0
    private var time: Int64
    private var labelBytes: ByteBuffer
    /// Float rows and histograms of the current series.
    private(set) var rowCount = 0
    private(set) var histogramCount = 0

    /// - Throws: when the version is unknown or the head is cut off. Later damage is found as it is reached.
    init(_ payload: UnsafeRawBufferPointer) throws(DecodeError) {
        // The head first: a noncopyable type can't throw half initialised.
        let (reader, version, series, time) = try Self.readHead(payload)
        self.reader = reader
        self.version = version
        seriesCount = series
        seriesLeft = series
        self.time = time
        labelBytes = ByteBuffer(capacity: 512)
    }

    private static func readHead(
        _ payload: UnsafeRawBufferPointer
    ) throws(DecodeError) -> (reader: ByteReader, version: UInt8, series: Int, time: Int64) {
        var reader = ByteReader(payload)
        let version = try reader.u8()
        guard (1...MetricRecord.version).contains(version) else {
            throw DecodeError("unknown record version \(version)", at: 0)
        }
        // A series takes four bytes at least.
        let series = try reader.length(limit: payload.count / 4)
        let time = try reader.signedVarint()
        return (reader, version, series, time)
    }

    /// Bytes read so far.
    var offset: Int { reader.offset }

    /// Canonical label bytes of the current series, unchecked as yet (see `isCanonical`); valid until the next series.
    var labels: UnsafeRawBufferPointer { labelBytes.bytes }

    /// Moves on to the next series; false when there is none.
    mutating func nextSeries() throws(DecodeError) -> Bool {
        guard seriesLeft > 0 else { return false }
        seriesLeft -= 1
        let prefix = try reader.length(limit: labelBytes.count)
        let suffix = try reader.length(limit: labelBytes.count - prefix)
        let middle = try reader.prefixed()
        rebuild(prefix: prefix, middle: middle, suffix: suffix)
        let rows = try reader.varint()
        // A row takes nine bytes at least, a histogram more than ten.
        guard rows >> 1 <= UInt64(reader.remaining / 9) else {
            throw DecodeError("\(rows >> 1) rows", at: reader.offset)
        }
        rowCount = Int(rows >> 1)
        histogramCount = rows & 1 == 0 ? 0 : try reader.length(limit: reader.remaining / 10)
        return true
    }

    @inline(__always) mutating func nextRow() throws(DecodeError) -> (timestamp: Int64, value: Double) {
        time = time &+ (try reader.signedVarint())
        return (time, try reader.double())
    }

    /// The timestamp of the next histogram, and where its `HistogramRecord`, which `decode` will take, stands in the payload.
    mutating func nextHistogram() throws(DecodeError) -> (timestamp: Int64, bytes: Range<Int>) {
        time = time &+ (try reader.signedVarint())
        let start = reader.offset
        try HistogramRecord.skip(&reader)
        return (time, start..<reader.offset)
    }

    /// The metadata behind the last series; nil at their end. All of them must be read before exemplars.
    mutating func nextMetadata() throws(DecodeError) -> MetricMetadata? {
        // An item takes four bytes at least.
        if metadataLeft < 0 { metadataLeft = try reader.length(limit: reader.remaining / 4) }
        guard metadataLeft > 0 else {
            if version == 1 { try checkEnd() }
            return nil
        }
        metadataLeft -= 1
        return try MetricRecord.decodeMetadata(&reader)
    }

    /// The exemplars behind the metadata, by series (its number in the record); nil at the end of the record.
    mutating func nextExemplar() throws(DecodeError) -> (
        series: Int, timestamp: Int64, value: Double, labels: Range<Int>
    )? {
        guard version > 1 else { return nil }
        // An item takes eleven bytes at least.
        if exemplarsLeft < 0 { exemplarsLeft = try reader.length(limit: reader.remaining / 11) }
        guard exemplarsLeft > 0 else {
            try checkEnd()
            return nil
        }
        exemplarsLeft -= 1
        exemplarSeries += try reader.length(limit: seriesCount)
        guard exemplarSeries < seriesCount else {
            throw DecodeError("exemplar of series \(exemplarSeries) of \(seriesCount)", at: reader.offset)
        }
        time = time &+ (try reader.signedVarint())
        let value = try reader.double()
        let labels = try reader.prefixed()
        return (exemplarSeries, time, value, reader.offset - labels.count..<reader.offset)
    }

    private func checkEnd() throws(DecodeError) {
        guard reader.isAtEnd else { throw DecodeError("bytes behind the end of a record", at: reader.offset) }
    }

    private mutating func rebuild(prefix: Int, middle: UnsafeRawBufferPointer, suffix: Int) {
        let old = labelBytes.count
        let new = prefix + middle.count + suffix
        if new > old { labelBytes.append(capacity: new - old) { _ in new - old } }
        let all = labelBytes.mutableBytes
        if let base = all.baseAddress {
            if suffix > 0 && new != old {
                (base + new - suffix).copyMemory(from: base + old - suffix, byteCount: suffix)
            }
            if let source = middle.baseAddress, middle.count > 0 {
                (base + prefix).copyMemory(from: source, byteCount: middle.count)
            }
        }
        labelBytes.truncate(to: new)
    }
}
