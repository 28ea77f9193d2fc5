import Bedrock
import CObs
import Model
import Synchronization

/// What tracers and loggers share. Thread-safe.
final class RecordCore: Sendable {
    let pool: RecordPool
    let spans: RecordQueue
    let logs: RecordQueue
    let clock: TelemetryClock
    let sampler: Sampler
    let budget: BudgetKeeper
    let spanLimits: TelemetryOptions.RecordLimits
    let logLimits: TelemetryOptions.RecordLimits
    let recordsSpans: Bool
    let recordsLogs: Bool
    /// Attributes, events and links lost because someone else wrote to the same span for too long.
    let contended = SharedCount()
    private let scopes = Mutex<[InstrumentationScope]>([])

    init(
        _ options: TelemetryOptions, clock: TelemetryClock, ledger: ExportLedger, budget: BudgetKeeper,
        wake: @escaping @Sendable () -> Void
    ) {
        pool = RecordPool(bytes: options.isDisabled ? 0 : options.recordBytesMax)
        spans = RecordQueue(pool, options.spans, signal: .traces, ledger: ledger, wake: wake)
        logs = RecordQueue(pool, options.logRecords, signal: .logs, ledger: ledger, wake: wake)
        self.clock = clock
        self.budget = budget
        sampler = options.sampler
        spanLimits = options.spanLimits
        logLimits = options.logLimits
        recordsSpans = options.traces.isEnabled && !options.isDisabled
        recordsLogs = options.logs.isEnabled && !options.isDisabled
    }

    /// The number of a scope in records; the same for the same one.
    func scopeNumber(_ scope: InstrumentationScope) -> UInt32 {
        scopes.withLock { scopes in
            if let known = scopes.firstIndex(of: scope) { return UInt32(known) }
            // Scopes are written in source code: more than this are a mistake, and share one.
            guard scopes.count < 4096 else { return 0 }
            scopes.append(scope)
            return UInt32(scopes.count - 1)
        }
    }

    func scope(_ number: UInt32) -> InstrumentationScope {
        scopes.withLock { Int(number) < $0.count ? $0[Int(number)] : InstrumentationScope("") }
    }

    /// A record with an empty header, or 0.
    @inline(__always)
    func begin(scope: UInt32, kind: UInt8) -> UInt32 {
        let stripe = RecordPool.stripe()
        let first = pool.take(stripe)
        guard first != 0 else { return 0 }
        pool.block(first).pointee.used = UInt32(RecordHeader.bytes)
        let header = pool.payload(first).assumingMemoryBound(to: RecordHeader.self)
        header.pointee.parentID = 0
        header.pointee.keyBits = 0
        header.pointee.tail = first
        header.pointee.scope = scope
        header.pointee.attributeCount = 0
        header.pointee.eventCount = 0
        header.pointee.linkCount = 0
        header.pointee.droppedAttributes = 0
        header.pointee.droppedEvents = 0
        header.pointee.droppedLinks = 0
        header.pointee.kind = kind
        header.pointee.stripe = UInt8(stripe)
        header.pointee.hasRepeatedNames = false
        return first
    }
}
