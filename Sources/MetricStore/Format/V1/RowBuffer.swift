import Model

/// Rows of one series gathered from several places, in columns: appended in order of precedence, then put in order.
///
/// Reused from series to series. One owner; not thread-safe. Pointers are invalid after the next `reserve`.
final class RowBuffer {
    private struct Key {
        var timestamp: Int64
        var row: Int32
    }

    private(set) var timestamps: UnsafeMutablePointer<Int64>
    private(set) var values: UnsafeMutablePointer<Double>
    private(set) var count = 0
    private var capacity: Int
    private var keys: UnsafeMutablePointer<Key>?
    private var keyCapacity = 0
    private var spareValues: UnsafeMutablePointer<Double>?

    init(capacity: Int = 1024) {
        self.capacity = capacity
        timestamps = .allocate(capacity: capacity)
        values = .allocate(capacity: capacity)
    }

    deinit {
        timestamps.deallocate()
        values.deallocate()
        keys?.deallocate()
        spareValues?.deallocate()
    }

    func clear() { count = 0 }

    /// Makes room for `more` rows behind `count`.
    func reserve(_ more: Int) {
        guard count + more > capacity else { return }
        let grown = max(capacity * 2, count + more)
        let newTimestamps = UnsafeMutablePointer<Int64>.allocate(capacity: grown)
        let newValues = UnsafeMutablePointer<Double>.allocate(capacity: grown)
        newTimestamps.update(from: timestamps, count: count)
        newValues.update(from: values, count: count)
        timestamps.deallocate()
        values.deallocate()
        timestamps = newTimestamps
        values = newValues
        capacity = grown
    }

    /// Declares that `rows` rows were written behind `count`, into room that `reserve` made.
    func commit(_ rows: Int) {
        precondition(rows >= 0 && count + rows <= capacity, "commit of \(rows) rows beyond what was reserved")
        count += rows
    }

    func append(_ timestamp: Int64, _ value: Double) {
        reserve(1)
        timestamps[count] = timestamp
        values[count] = value
        count += 1
    }

    func append(_ newTimestamps: UnsafePointer<Int64>, _ newValues: UnsafePointer<Double>, count rows: Int) {
        reserve(rows)
        (timestamps + count).update(from: newTimestamps, count: rows)
        (values + count).update(from: newValues, count: rows)
        count += rows
    }

    /// Keeps only the rows inside `range`. The rows must be in order.
    func clip(to range: TimeRange) {
        let first = lowerBound(timestamps, count: count, range.start)
        let end = upperBound(timestamps, count: count, range.end)
        guard first > 0 || end < count else { return }
        let kept = max(0, end - first)
        if kept > 0 && first > 0 {
            timestamps.update(from: timestamps + first, count: kept)
            values.update(from: values + first, count: kept)
        }
        count = kept
    }

    /// Drops the rows, from row `start` on, for which `isHidden` holds.
    func removeRows(from start: Int = 0, where isHidden: (Int64) -> Bool) {
        var kept = start
        for row in start..<count where !isHidden(timestamps[row]) {
            timestamps[kept] = timestamps[row]
            values[kept] = values[row]
            kept += 1
        }
        count = kept
    }

    /// Sorts by time; of rows with one timestamp the one appended last stays. Free when the rows ascend already.
    func normalise(from start: Int = 0) {
        guard count - start > 1 else { return }
        var ascends = true
        for row in (start + 1)..<count where timestamps[row - 1] >= timestamps[row] {
            ascends = false
            break
        }
        if !ascends { sort(from: start) }
    }

    private func sort(from start: Int) {
        let rows = count - start
        if rows > keyCapacity {
            keys?.deallocate()
            spareValues?.deallocate()
            keyCapacity = max(rows, 1024)
            keys = .allocate(capacity: keyCapacity)
            spareValues = .allocate(capacity: keyCapacity)
        }
        guard let keys, let spareValues else { return }
        for row in 0..<rows { (keys + row).initialize(to: Key(timestamp: timestamps[start + row], row: Int32(row))) }
        var sorted = UnsafeMutableBufferPointer(start: keys, count: rows)
        sorted.sort { $0.timestamp != $1.timestamp ? $0.timestamp < $1.timestamp : $0.row < $1.row }
        spareValues.update(from: values + start, count: rows)
        var kept = start
        for row in 0..<rows {
            if row + 1 < rows, keys[row + 1].timestamp == keys[row].timestamp { continue }
            timestamps[kept] = keys[row].timestamp
            values[kept] = spareValues[Int(keys[row].row)]
            kept += 1
        }
        count = kept
    }
}

/// The first row at or after `time`, in ascending timestamps.
func lowerBound(_ timestamps: UnsafePointer<Int64>, count: Int, _ time: Int64) -> Int {
    var low = 0
    var high = count
    while low < high {
        let middle = (low + high) >> 1
        if timestamps[middle] < time { low = middle + 1 } else { high = middle }
    }
    return low
}

/// The first row after `time`, in ascending timestamps.
func upperBound(_ timestamps: UnsafePointer<Int64>, count: Int, _ time: Int64) -> Int {
    time == .max ? count : lowerBound(timestamps, count: count, time + 1)
}
