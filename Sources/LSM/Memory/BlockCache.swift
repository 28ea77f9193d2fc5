import Model
import Synchronization

/// Decoded blocks of open segments, and what matchers found in them, up to a ceiling in bytes; the ones not used for a while go first.
///
/// Thread-safe. The lock is held for a look-up; decoding happens outside of it.
public final class BlockCache: Sendable {
    package enum Part: Hashable {
        case block(Int)
        /// What all of these matchers together found.
        case matched([Matcher])
    }

    private struct Key: Hashable {
        var segment: UInt64
        var part: Part
    }

    private struct Entry {
        var key: Key
        var value: AnyObject & Sendable
        var bytes: Int
        var isUsed: Bool
    }

    private struct State {
        /// A clock: the hand passes over used entries once before it takes them.
        var entries: [Entry] = []
        var positions: [Key: Int] = [:]
        var hand = 0
        var bytes = 0
    }

    public let byteCountMax: Int
    private let state = Mutex(State())
    private let segments = Atomic<UInt64>(0)
    private let hits = Atomic<Int>(0)
    private let misses = Atomic<Int>(0)

    public init(byteCountMax: Int = 64 << 20) { self.byteCountMax = byteCountMax }

    /// Bytes held now.
    public var byteCount: Int { state.withLock { $0.bytes } }
    public var hitCount: Int { hits.load(ordering: .relaxed) }
    public var missCount: Int { misses.load(ordering: .relaxed) }

    /// A number no other segment has.
    package func makeSegmentId() -> UInt64 { segments.add(1, ordering: .relaxed).newValue }

    package func get(_ segment: UInt64, _ part: Part) -> (AnyObject & Sendable)? {
        let found = state.withLock { state -> (AnyObject & Sendable)? in
            guard let at = state.positions[Key(segment: segment, part: part)] else { return nil }
            state.entries[at].isUsed = true
            return state.entries[at].value
        }
        _ = found == nil ? misses.add(1, ordering: .relaxed) : hits.add(1, ordering: .relaxed)
        return found
    }

    package func put(_ segment: UInt64, _ part: Part, _ value: AnyObject & Sendable, bytes: Int) {
        // One block must not push out all others.
        guard bytes <= byteCountMax / 4 else { return }
        let key = Key(segment: segment, part: part)
        // What goes is released outside of the lock.
        let gone = state.withLock { state -> [AnyObject & Sendable] in
            guard state.positions[key] == nil else { return [] }
            var gone: [AnyObject & Sendable] = []
            while state.bytes + bytes > byteCountMax, !state.entries.isEmpty { Self.step(&state, &gone) }
            state.positions[key] = state.entries.count
            state.entries.append(Entry(key: key, value: value, bytes: bytes, isUsed: false))
            state.bytes += bytes
            return gone
        }
        _ = consume gone
    }

    /// Forgets everything of a segment that is closed.
    package func remove(_ segment: UInt64) {
        let gone = state.withLock { state -> [AnyObject & Sendable] in
            var gone: [AnyObject & Sendable] = []
            for at in state.entries.indices.reversed() where state.entries[at].key.segment == segment {
                gone.append(Self.remove(at, &state))
            }
            return gone
        }
        _ = consume gone
    }

    private static func step(_ state: inout State, _ gone: inout [AnyObject & Sendable]) {
        if state.hand >= state.entries.count { state.hand = 0 }
        if state.entries[state.hand].isUsed {
            state.entries[state.hand].isUsed = false
            state.hand += 1
        } else {
            gone.append(remove(state.hand, &state))
        }
    }

    private static func remove(_ at: Int, _ state: inout State) -> AnyObject & Sendable {
        let entry = state.entries[at]
        state.bytes -= entry.bytes
        state.positions[entry.key] = nil
        let last = state.entries.removeLast()
        if at < state.entries.count {
            state.entries[at] = last
            state.positions[last.key] = at
        }
        return entry.value
    }
}
