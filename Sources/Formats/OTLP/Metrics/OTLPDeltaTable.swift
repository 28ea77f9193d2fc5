import Bedrock
import Model
import Synchronization

/// Adds up series that say only what came since the last time, so that they can be stored as Prometheus has them. Thread-safe.
///
/// The sums are in memory only: after a restart they begin at nothing, which queries see as a counter's reset. All points of a series must come
/// to the same table. A point that repeats the last one (a retry) gives the same sum again; older ones are out of order and left out, as
/// they have been added, or can't be told from those that have.
public final class OTLPDeltaTable: Sendable {
    enum Value {
        case number(Double)
        case histogram(OTLPHistogram)
        case exponential(NativeHistogram)
    }

    enum Outcome {
        case sum(Value)
        case outOfOrder
        case full
    }

    private struct Cell {
        /// Of the last point, nanoseconds.
        var time: UInt64
        var value: Value
        /// When it came, milliseconds.
        var arrival: Int64
    }

    private struct State {
        var cells: [Hash128: Cell] = [:]
        var swept: Int64 = .min
    }

    public let seriesMax: Int
    /// A series that is silent for longer is forgotten once room is needed.
    public let idleMilliseconds: Int64
    private let state = Mutex(State())

    public init(seriesMax: Int = 100_000, idleMilliseconds: Int64 = 3_600_000) {
        self.seriesMax = seriesMax
        self.idleMilliseconds = idleMilliseconds
    }

    public var seriesCount: Int { state.withLock { $0.cells.count } }

    /// Adds a point to its series.
    /// - Parameter arrival: milliseconds since the epoch.
    func add(_ value: Value, to series: Hash128, time: UInt64, arrival: Int64) -> Outcome {
        state.withLock { state in
            if let cell = state.cells[series] {
                if time < cell.time { return .outOfOrder }
                let sum = time == cell.time ? cell.value : Self.sum(cell.value, value)
                state.cells[series] = Cell(time: time, value: sum, arrival: arrival)
                return .sum(sum)
            }
            if state.cells.count >= seriesMax { sweep(&state, now: arrival) }
            guard state.cells.count < seriesMax else { return .full }
            state.cells[series] = Cell(time: time, value: value, arrival: arrival)
            return .sum(value)
        }
    }

    /// At most once a minute, for it looks at everything.
    private func sweep(_ state: inout State, now: Int64) {
        guard state.swept == .min || now &- state.swept >= 60_000 || now < state.swept else { return }
        state.swept = now
        state.cells = state.cells.filter { now &- $0.value.arrival <= idleMilliseconds }
    }

    /// Of values that can't be added, such as histograms with other bounds, the newer one: a reset.
    private static func sum(_ before: Value, _ more: Value) -> Value {
        switch (before, more) {
        case (.number(let a), .number(let b)): .number(a + b)
        case (.histogram(let a), .histogram(let b)): a.adding(b).map(Value.histogram) ?? more
        case (.exponential(let a), .exponential(let b)): a.adding(b).map(Value.exponential) ?? more
        default: more
        }
    }
}
