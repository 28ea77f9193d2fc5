import Bedrock
import LSM

/// The distinct timestamp columns of the segment being written.
struct TimestampPool: ~Copyable {
    private var bytes = ByteBuffer(capacity: 1 << 14)
    private var starts: [Int] = []
    private var hashes: [UInt64] = []
    private var firsts: [Int64] = []
    private var lasts: [Int64] = []
    private let table = IdentityTable()
    /// The column added or found last, raw: the next series mostly has the same.
    private let recent = RowBuffer()
    private var recentColumn: UInt32 = 0
    private var trial = ByteBuffer(capacity: 1 << 12)

    init() {}

    var count: Int { starts.count }

    /// The id of a column of ascending timestamps.
    mutating func column(_ timestamps: UnsafePointer<Int64>, count rows: Int, scratch: ColumnScratch) -> UInt32 {
        let raw = UnsafeRawBufferPointer(start: timestamps, count: rows * 8)
        if recent.count == rows,
            commonPrefix(raw, UnsafeRawBufferPointer(start: recent.timestamps, count: rows * 8), limit: rows * 8)
                == rows * 8
        {
            return recentColumn
        }
        recent.clear()
        recent.reserve(rows)
        recent.timestamps.update(from: timestamps, count: rows)
        recent.commit(rows)
        trial.clear()
        TimestampColumn.encode(timestamps, count: rows, scratch: scratch, into: &trial)
        recentColumn = intern(timestamps[0], timestamps[rows - 1])
        return recentColumn
    }

    private mutating func intern(_ first: Int64, _ last: Int64) -> UInt32 {
        let hash = Hash128(of: trial.bytes).low
        // Encoding is deterministic: equal columns have equal bytes.
        if let id = find(hash) { return UInt32(id) }
        starts.append(bytes.count)
        hashes.append(hash)
        firsts.append(first)
        lasts.append(last)
        bytes.append(trial.bytes)
        let hashes = self.hashes
        table.insert(hash, starts.count - 1) { hashes[$0] }
        return UInt32(starts.count - 1)
    }

    private func find(_ hash: UInt64) -> Int? {
        let candidate = trial.bytes
        let all = bytes.bytes
        return table.find(hash) { id in
            let end = id + 1 < starts.count ? starts[id + 1] : all.count
            return compareMemory(UnsafeRawBufferPointer(rebasing: all[starts[id]..<end]), candidate) == 0
        }
    }

    /// Calls `body` with the blocks of all columns: bytes and number of columns.
    borrowing func forEachBlock(scratch: ColumnScratch, _ body: (borrowing ByteBuffer, Int) throws -> Void) rethrows {
        var first = 0
        var block = ByteBuffer(capacity: 1 << 15)
        while first < starts.count {
            var end = first + 1
            while end < starts.count, end - first < SegmentLayout.itemsPerBlockMax,
                starts[end] - starts[first] < SegmentLayout.indexBytesTarget
            { end += 1 }
            let stop = end < starts.count ? starts[end] : bytes.count
            block.clear()
            TimestampBlock.encode(
                lengths: (first..<end).map { ($0 + 1 < starts.count ? starts[$0 + 1] : bytes.count) - starts[$0] },
                firsts: Array(firsts[first..<end]), lasts: Array(lasts[first..<end]),
                payload: UnsafeRawBufferPointer(rebasing: bytes.bytes[starts[first]..<stop]), scratch: scratch,
                into: &block)
            try body(block, end - first)
            first = end
        }
    }
}
