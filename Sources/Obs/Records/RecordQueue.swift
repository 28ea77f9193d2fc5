import Synchronization

/// Finished records on their way to the exporter: stacks linked through the records themselves, one a stripe, which the exporter takes whole.
/// Recording side thread-safe and lock-free; the taking side belongs to one thread.
final class RecordQueue: @unchecked Sendable {
    private struct Stripe: ~Copyable {
        let head = Atomic<UInt32>(0)
        let padding: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0)
    }

    let pool: RecordPool
    private let stripes: UnsafeMutablePointer<Stripe>
    private let countMax: UInt64
    private let wakeAt: UInt64
    private let wake: @Sendable () -> Void
    private let fullDrops: SharedCount
    private let closedDrops: SharedCount
    /// Records ever put here, and ever settled.
    private let enqueued = Atomic<UInt64>(0)
    private let settled = Atomic<UInt64>(0)
    private let isClosed = Atomic<Bool>(false)

    init(
        _ pool: RecordPool, _ batching: TelemetryOptions.Batching, signal: TelemetrySignal, ledger: ExportLedger,
        wake: @escaping @Sendable () -> Void
    ) {
        self.pool = pool
        countMax = UInt64(max(1, batching.queueMax))
        wakeAt = UInt64(max(1, min(batching.batchMax, batching.queueMax)))
        self.wake = wake
        fullDrops = ledger.dropped(signal, .queueFull)
        closedDrops = ledger.dropped(signal, .closed)
        stripes = .allocate(capacity: RecordPool.stripeCount)
        for i in 0..<RecordPool.stripeCount { (stripes + i).initialize(to: Stripe()) }
    }

    deinit {
        stripes.deinitialize(count: RecordPool.stripeCount)
        stripes.deallocate()
    }

    var enqueuedCount: UInt64 { enqueued.load(ordering: .acquiring) }
    var settledCount: UInt64 { settled.load(ordering: .acquiring) }
    /// Waiting, or in the batch under way.
    var count: Int { Int(clamping: Int64(bitPattern: enqueuedCount &- settledCount)) }

    /// Counts a record for which there was no memory.
    func noteFull() { fullDrops.add() }

    /// Hands over a finished record, or drops it.
    @inline(__always)
    func put(_ first: UInt32, _ header: UnsafeMutablePointer<RecordHeader>) {
        let before = enqueued.load(ordering: .relaxed)
        let waiting = Int64(bitPattern: before &- settled.load(ordering: .relaxed))
        guard waiting < Int64(countMax), !isClosed.load(ordering: .relaxed) else { return drop(first, header) }
        let stripe = RecordPool.stripe()
        var head = stripes[stripe].head.load(ordering: .relaxed)
        while true {
            header.pointee.nextDone = head
            let (exchanged, current) = stripes[stripe].head.weakCompareExchange(
                expected: head, desired: first, successOrdering: .releasing, failureOrdering: .relaxed)
            if exchanged { break }
            head = current
        }
        let number = enqueued.wrappingAdd(1, ordering: .releasing).newValue
        if Int64(bitPattern: number &- settled.load(ordering: .relaxed)) == Int64(wakeAt) { wake() }
    }

    @inline(never)
    private func drop(_ first: UInt32, _ header: UnsafeMutablePointer<RecordHeader>) {
        (isClosed.load(ordering: .relaxed) ? closedDrops : fullDrops).add()
        pool.give(first, Int(header.pointee.stripe))
    }

    // MARK: The exporter's side

    /// Appends everything that waits to `records`, per thread in order.
    func take(into records: inout [UInt32]) {
        for i in 0..<RecordPool.stripeCount {
            var next = stripes[i].head.exchange(0, ordering: .acquiring)
            let from = records.count
            while next != 0 {
                records.append(next)
                next = pool.payload(next).assumingMemoryBound(to: RecordHeader.self).pointee.nextDone
            }
            records[from...].reverse()
        }
    }

    /// Gives a record's memory back.
    func free(_ first: UInt32) {
        let header = pool.payload(first).assumingMemoryBound(to: RecordHeader.self)
        pool.give(first, Int(header.pointee.stripe))
    }

    func settle(_ count: Int) { settled.wrappingAdd(UInt64(count), ordering: .releasing) }

    /// Turns further records down.
    func close() { isClosed.store(true, ordering: .relaxed) }
}
