import Bedrock
import LSM
import Synchronization

/// Turns the raw rows of a page into encoded chunks. One per writer.
final class ChunkSealer {
    private let scratch = ColumnScratch()
    private let buffer = RowBuffer()
    private var encoded = ByteBuffer(capacity: 4096)
    /// Timestamps of the chunk sealed last: series of one scrape have the same, which are then stored once.
    private let lastTimestamps = RowBuffer()
    private var lastColumn = UnsafeRawBufferPointer(start: nil, count: 0)
    private var sealableTick: UInt32 = 0
    private var tick: UInt32 = 0

    init() {}

    /// - Parameters:
    ///   - sealable: rows of records up to this one are visible to every reader, present and future.
    ///   - tick: the record about to be applied.
    func begin(sealable: UInt32, tick: UInt32) {
        sealableTick = sealable
        self.tick = tick
    }

    /// Seals the leading rows that every reader sees, if they are at least half the page.
    /// Returns how many rows went into chunks, and the newest chunk.
    func seal(_ page: RowPage, arena: SlabArena) -> (rows: Int, chunks: UnsafePointer<MemoryChunk>?) {
        let rows = page.visibleCount(sealableTick)
        guard rows * 2 >= page.count, rows > 0 else { return (0, page.chunks) }
        buffer.clear()
        buffer.append(page.timestamps, page.values, count: rows)
        buffer.normalise()
        var newest = page.chunks
        var first = 0
        while first < buffer.count {
            let count = min(MetricMemtable.tailRowsMax, buffer.count - first)
            newest = makeChunk(
                first, count, previous: newest, ticks: (page.ticks[0], page.ticks[rows - 1]), arena: arena)
            first += count
        }
        return (rows, newest)
    }

    private func makeChunk(
        _ first: Int, _ count: Int, previous: UnsafePointer<MemoryChunk>?, ticks: (UInt32, UInt32), arena: SlabArena
    ) -> UnsafePointer<MemoryChunk> {
        let timestamps = UnsafePointer(buffer.timestamps + first)
        encoded.clear()
        ValueColumn.encode(buffer.values + first, count: count, scratch: scratch, into: &encoded)
        let values = arena.copy(encoded.bytes)
        let chunk = arena.allocate(MemoryLayout<MemoryChunk>.stride).bindMemory(to: MemoryChunk.self, capacity: 1)
        chunk.initialize(
            to: MemoryChunk(
                previous: previous, timestamps: column(timestamps, count, arena: arena),
                values: values, minTime: timestamps[0], maxTime: timestamps[count - 1],
                count: UInt32(count), firstTick: ticks.0, lastTick: ticks.1, sealTick: tick))
        return UnsafePointer(chunk)
    }

    private func column(
        _ timestamps: UnsafePointer<Int64>, _ count: Int, arena: SlabArena
    ) -> UnsafeRawBufferPointer {
        let bytes = UnsafeRawBufferPointer(start: timestamps, count: count * 8)
        if lastTimestamps.count == count,
            commonPrefix(
                bytes, UnsafeRawBufferPointer(start: lastTimestamps.timestamps, count: count * 8), limit: bytes.count)
                == bytes.count
        {
            return lastColumn
        }
        encoded.clear()
        TimestampColumn.encode(timestamps, count: count, scratch: scratch, into: &encoded)
        lastColumn = arena.copy(encoded.bytes)
        lastTimestamps.clear()
        lastTimestamps.append(timestamps, buffer.values, count: count)
        return lastColumn
    }
}
