import Bedrock
import Synchronization

/// What telemetry itself may cost. While it costs more, fewer traces that begin here are sampled, and fewer log records below `warn` are
/// kept; `obs.sdk.sampling.share` tells the share, `obs.sdk.overhead.cpu` and `obs.sdk.export.bytes` the cost.
public struct TelemetryBudget: Sendable, Equatable {
    /// CPU seconds a second: of recording, estimated by count, and of the exporting thread, measured. 0.02 are 2 % of one core.
    public var cpuShareMax: Double
    /// Bytes a second, as sent.
    public var bytesPerSecondMax: Double

    public init(cpuShareMax: Double = .infinity, bytesPerSecondMax: Double = .infinity) {
        self.cpuShareMax = cpuShareMax
        self.bytesPerSecondMax = bytesPerSecondMax
    }
}

/// Watches what telemetry costs and adapts the share that is sampled. `adjust` is called by one thread; reading is for any.
final class BudgetKeeper: Sendable {
    /// Estimated cost of recording on the program's own threads, nanoseconds; from `obsbench sdk`.
    static let nanosecondsPerSpan = 250.0
    static let nanosecondsPerLogRecord = 300.0
    /// The share never falls lower, so that something is always seen.
    static let shareMin = 0.001

    private let budget: TelemetryBudget?
    private let ledger: ExportLedger
    private let recorded: @Sendable () -> (spans: UInt64, logs: UInt64)
    private let shareBits = Atomic<UInt64>(Double(1).bitPattern)
    private let cpuBits = Atomic<UInt64>(0)
    private let overheadNanoseconds = Atomic<UInt64>(0)
    private let state = Mutex(State())

    private struct State {
        var time: UInt64 = 0
        var exporterCPU: UInt64 = 0
        var spans: UInt64 = 0
        var logs: UInt64 = 0
        var bytes = 0
        var averageCPU = 0.0
        var averageBytes = 0.0
    }

    init(
        _ budget: TelemetryBudget?, ledger: ExportLedger,
        recorded: @escaping @Sendable () -> (spans: UInt64, logs: UInt64)
    ) {
        self.budget = budget
        self.ledger = ledger
        self.recorded = recorded
    }

    /// The share of new traces, and of log records below `warn`, to keep.
    var share: Double { Double(bitPattern: shareBits.load(ordering: .relaxed)) }
    /// CPU seconds a second, averaged over some seconds.
    var cpuShare: Double { Double(bitPattern: cpuBits.load(ordering: .relaxed)) }
    /// CPU seconds in all: recording, estimated, and exporting, measured.
    var overheadSeconds: Double { Double(overheadNanoseconds.load(ordering: .relaxed)) / 1e9 }

    /// Called about once a second.
    func adjust(now: UInt64, exporterCPU: UInt64) {
        let (spans, logs) = recorded()
        let bytes = ledger.bytes.value
        state.withLock { state in
            defer {
                state.time = now
                state.exporterCPU = exporterCPU
                state.spans = spans
                state.logs = logs
                state.bytes = bytes
            }
            let total =
                Double(spans) * Self.nanosecondsPerSpan + Double(logs) * Self.nanosecondsPerLogRecord
                + Double(exporterCPU)
            overheadNanoseconds.store(UInt64(total), ordering: .relaxed)
            guard state.time != 0, now > state.time else { return }
            let elapsed = Double(now - state.time)
            let cpu =
                (Double(spans &- state.spans) * Self.nanosecondsPerSpan
                    + Double(logs &- state.logs) * Self.nanosecondsPerLogRecord
                    + Double(exporterCPU &- state.exporterCPU)) / elapsed
            let rate = Double(bytes - state.bytes) / (elapsed / 1e9)
            // Batches come in bursts: a moving average over about five seconds evens them out.
            state.averageCPU += 0.2 * (cpu - state.averageCPU)
            state.averageBytes += 0.2 * (rate - state.averageBytes)
            cpuBits.store(state.averageCPU.bitPattern, ordering: .relaxed)
            guard let budget else { return }
            let use = max(
                budget.cpuShareMax > 0 ? state.averageCPU / budget.cpuShareMax : .infinity,
                budget.bytesPerSecondMax > 0 ? state.averageBytes / budget.bytesPerSecondMax : .infinity)
            // Down at once, up slowly.
            let step = use > 1 ? max(0.5, 1 / use) : use < 0.8 ? 1.1 : 1
            let share = min(1, max(Self.shareMin, self.share * step))
            shareBits.store(share.bitPattern, ordering: .relaxed)
        }
    }
}
