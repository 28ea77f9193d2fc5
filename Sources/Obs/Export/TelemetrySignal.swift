import Synchronization

/// The three kinds of telemetry.
public enum TelemetrySignal: String, Sendable, CaseIterable {
    case traces, metrics, logs
}

/// Why a record never arrived.
public enum DropReason: String, Sendable, CaseIterable {
    /// The queue, or the memory of all records, was full.
    case queueFull = "queue_full"
    /// The collector could not be reached for too long.
    case retriesExhausted = "retries_exhausted"
    /// The collector refused the request, or some of its records.
    case rejected
    /// It was still there when the shutdown's deadline passed.
    case shutdown
    /// The telemetry had been shut down before.
    case closed
}

/// Counts of what was exported and what was lost. Thread-safe.
final class ExportLedger: Sendable {
    private static let signals = TelemetrySignal.allCases
    private static let reasons = DropReason.allCases

    private let exported: [SharedCount]
    private let dropped: [SharedCount]
    let requests = SharedCount()
    let failures = SharedCount()
    let bytes = SharedCount()

    init() {
        exported = Self.signals.map { _ in SharedCount() }
        dropped = Self.signals.flatMap { _ in Self.reasons.map { _ in SharedCount() } }
    }

    func exported(_ signal: TelemetrySignal) -> SharedCount { exported[Self.index(signal)] }

    func dropped(_ signal: TelemetrySignal, _ reason: DropReason) -> SharedCount {
        dropped[Self.index(signal) * Self.reasons.count + (Self.reasons.firstIndex(of: reason) ?? 0)]
    }

    func droppedCount(_ signal: TelemetrySignal) -> Int {
        Self.reasons.reduce(0) { $0 + dropped(signal, $1).value }
    }

    private static func index(_ signal: TelemetrySignal) -> Int { signals.firstIndex(of: signal) ?? 0 }
}

/// A count that any thread may raise.
final class SharedCount: Sendable {
    private let count = Atomic<Int>(0)

    init() {}

    func add(_ amount: Int = 1) { count.wrappingAdd(amount, ordering: .relaxed) }
    var value: Int { count.load(ordering: .relaxed) }
}
