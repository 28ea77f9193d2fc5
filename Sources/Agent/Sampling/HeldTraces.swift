import Model

/// Spans that wait for their trace to be complete. Each batch is copied once and kept until the last of its rows is let go.
struct HeldTraces {
    struct Trace {
        /// Milliseconds since the Unix epoch.
        var firstSeen: Int64
        /// Bits of the policies that want it.
        var wantedBy: UInt64 = 0
        /// First start and last end, nanoseconds.
        var start = Int64.max
        var end = Int64.min
        var rows: [(batch: Int32, row: Int32)] = []
    }

    private struct Held {
        var batch: SpanBatch
        var tenant: Tenant
        var rowsLeft: Int
        var bytes: Int
    }

    struct Key: Hashable {
        var tenant: Tenant
        var id: TraceID
    }

    private var batches: [Held?] = []
    private var freeNumbers: [Int] = []
    private(set) var traces: [Key: Trace] = [:]
    /// Traces by first span.
    private var order: [Key] = []
    private var orderFirst = 0
    private(set) var byteCount = 0
    private(set) var spanCount = 0

    var traceCount: Int { traces.count }

    /// Takes a batch over; its rows are then added one by one.
    mutating func hold(_ batch: SpanBatch, tenant: Tenant) -> Int {
        let bytes = batch.byteCount
        let held = Held(batch: batch, tenant: tenant, rowsLeft: batch.rowCount, bytes: bytes)
        byteCount += bytes
        spanCount += batch.rowCount
        if let number = freeNumbers.popLast() {
            batches[number] = held
            return number
        }
        batches.append(held)
        return batches.count - 1
    }

    mutating func add(row: Int, of batch: Int, to key: Key, start: Int64, end: Int64, wantedBy: UInt64, now: Int64) {
        if traces[key] == nil { order.append(key) }
        Self.extend(&traces[key, default: Trace(firstSeen: now)], start, end, wantedBy, (Int32(batch), Int32(row)))
    }

    private static func extend(
        _ trace: inout Trace, _ start: Int64, _ end: Int64, _ wantedBy: UInt64, _ row: (batch: Int32, row: Int32)
    ) {
        trace.wantedBy |= wantedBy
        trace.start = min(trace.start, start)
        trace.end = max(trace.end, end)
        trace.rows.append(row)
    }

    /// The trace that has waited longest.
    mutating func oldest() -> (key: Key, trace: Trace)? {
        while orderFirst < order.count {
            if let trace = traces[order[orderFirst]] { return (order[orderFirst], trace) }
            orderFirst += 1
        }
        order.removeAll(keepingCapacity: true)
        orderFirst = 0
        return nil
    }

    /// Lets a trace go, its rows given to `take` first.
    mutating func release(_ key: Key, take: (SpanBatch, [Int]) -> Void) {
        guard let trace = traces.removeValue(forKey: key) else { return }
        orderFirst += 1
        if orderFirst > 4096 && orderFirst * 2 > order.count {
            order.removeFirst(orderFirst)
            orderFirst = 0
        }
        var next = 0
        while next < trace.rows.count {
            let number = trace.rows[next].batch
            var rows: [Int] = []
            while next < trace.rows.count, trace.rows[next].batch == number {
                rows.append(Int(trace.rows[next].row))
                next += 1
            }
            guard var held = batches[Int(number)] else { continue }
            take(held.batch, rows)
            held.rowsLeft -= rows.count
            spanCount -= rows.count
            if held.rowsLeft == 0 {
                byteCount -= held.bytes
                batches[Int(number)] = nil
                freeNumbers.append(Int(number))
            } else {
                batches[Int(number)] = held
            }
        }
    }
}
