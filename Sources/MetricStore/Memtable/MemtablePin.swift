import Bedrock
import Model

/// A consistent view of a memtable: the records applied when it was taken. Thread-safe; releases its hold when it is released.
public final class MemtablePin: @unchecked Sendable {
    /// The table seen.
    public let memtable: MetricMemtable
    let tick: UInt32

    init(_ memtable: MetricMemtable) {
        self.memtable = memtable
        tick = memtable.pins.pin()
    }

    deinit { memtable.pins.release(tick) }

    /// Whether a series has rows that this view may show, in the range.
    func mayHaveRows(_ head: UnsafeMutablePointer<SeriesHead>, in range: TimeRange) -> Bool {
        if let page = head.pointee.page {
            var chunk = page.chunks
            while let current = chunk {
                if current.pointee.minTime <= range.end && current.pointee.maxTime >= range.start { return true }
                chunk = current.pointee.previous
            }
            let visible = page.visibleCount(tick)
            let timestamps = page.timestamps
            for row in 0..<visible where range.contains(timestamps[row]) { return true }
        }
        var node = head.pointee.newestHistogram
        while let current = node {
            if current.pointee.tick <= tick && range.contains(current.pointee.timestamp) { return true }
            node = current.pointee.previous
        }
        return false
    }

    /// Appends the rows of a series that overlap the range, in order of arrival, possibly with some around it.
    func appendRows(_ head: UnsafeMutablePointer<SeriesHead>, in range: TimeRange, to buffer: RowBuffer)
        throws(DecodeError)
    {
        guard let page = head.pointee.page else { return }
        try appendChunks(page.chunks, in: range, to: buffer)
        let visible = page.visibleCount(tick)
        let timestamps = page.timestamps
        for row in 0..<visible where range.contains(timestamps[row]) {
            buffer.append(timestamps[row], page.values[row])
        }
    }

    private func appendChunks(
        _ newest: UnsafePointer<MemoryChunk>?, in range: TimeRange, to buffer: RowBuffer
    ) throws(DecodeError) {
        // Chunks hang on the newest; a series has few in one memtable.
        var wanted: [UnsafePointer<MemoryChunk>] = []
        var next = newest
        while let chunk = next {
            if chunk.pointee.minTime <= range.end && chunk.pointee.maxTime >= range.start { wanted.append(chunk) }
            next = chunk.pointee.previous
        }
        for chunk in wanted.reversed() {
            let count = Int(chunk.pointee.count)
            buffer.reserve(count)
            var reader = ByteReader(chunk.pointee.timestamps)
            guard try TimestampColumn.count(&reader) == count else {
                throw DecodeError("a chunk's timestamps and values differ in number", at: 0)
            }
            try TimestampColumn.decode(&reader, count: count, into: buffer.timestamps + buffer.count)
            try ValueColumn.decode(chunk.pointee.values, count: count, into: buffer.values + buffer.count)
            buffer.commit(count)
        }
    }

    /// Adds the exemplars of a series in the range.
    func addExemplars(_ head: UnsafeMutablePointer<SeriesHead>, in range: TimeRange, to set: inout ExemplarSet) {
        var next = head.pointee.newestExemplar
        while let node = next {
            next = node.pointee.previous
            guard node.pointee.tick <= tick, range.contains(node.pointee.timestamp) else { continue }
            set.add(
                Exemplar(
                    labels: Labels(canonical: node.pointee.labels), value: node.pointee.value,
                    timestamp: node.pointee.timestamp))
        }
    }

    /// The native histograms of a series in the range, by time; of equal times the one that arrived last.
    func histograms(
        _ head: UnsafeMutablePointer<SeriesHead>, in range: TimeRange
    ) throws(DecodeError) -> [SeriesBatch.HistogramRow] {
        var rows: [SeriesBatch.HistogramRow] = []
        var seen: Set<Int64> = []
        var next = head.pointee.newestHistogram
        while let node = next {
            next = node.pointee.previous
            let time = node.pointee.timestamp
            guard node.pointee.tick <= tick, range.contains(time), seen.insert(time).inserted,
                !node.pointee.bytes.isEmpty
            else { continue }
            var reader = ByteReader(node.pointee.bytes)
            rows.append(.init(timestamp: time, histogram: try HistogramRecord.decode(&reader)))
        }
        rows.sort { $0.timestamp < $1.timestamp }
        return rows
    }
}
