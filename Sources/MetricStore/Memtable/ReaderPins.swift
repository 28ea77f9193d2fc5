import Synchronization

/// Which records the living readers of a memtable have seen. Thread-safe.
///
/// The lock is held for a few instructions: once per query by readers, once per record by the writer, and never while anyone looks at rows.
/// It also orders them: a reader that pins after the writer asked for `oldest` sees all that the writer unlinked before.
final class ReaderPins: Sendable {
    private struct State {
        /// Readers by the tick they were pinned at, ascending; ticks are few at a time.
        var pins: [(tick: UInt32, readers: Int)] = []
    }

    private let state = Mutex(State())
    private let published = Atomic<UInt32>(0)

    /// The last record whose rows readers may see.
    var tick: UInt32 { published.load(ordering: .acquiring) }

    /// For the writer: makes all rows up to `tick` visible to readers that pin from now on.
    func publish(_ tick: UInt32) { published.store(tick, ordering: .releasing) }

    /// Registers a reader; what it sees stays in memory until `release`.
    func pin() -> UInt32 {
        state.withLock { state in
            let tick = published.load(ordering: .acquiring)
            if let last = state.pins.indices.last, state.pins[last].tick == tick {
                state.pins[last].readers += 1
            } else {
                state.pins.append((tick, 1))
            }
            return tick
        }
    }

    func release(_ tick: UInt32) {
        state.withLock { state in
            guard let at = state.pins.firstIndex(where: { $0.tick == tick }) else { return }
            state.pins[at].readers -= 1
            if state.pins[at].readers == 0 { state.pins.remove(at: at) }
        }
    }

    /// The oldest tick that a reader is pinned at, or the published one.
    func oldest() -> UInt32 {
        state.withLock { $0.pins.first?.tick ?? published.load(ordering: .acquiring) }
    }
}
