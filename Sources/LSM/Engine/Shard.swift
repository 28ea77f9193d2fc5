import Bedrock
import Model
import Synchronization

/// What the workers and the readers of one shard share. Thread-safe.
final class Shard<Format: SegmentFormat>: Sendable {
    let key: ShardKey
    let epoch: UInt64
    let requests: BoundedQueue<ShardRequest>
    let root: Published<ShardRoot<Format>>
    /// Records up to here are in rows that readers see.
    let appliedOffset: Atomic<UInt64>
    /// Records up to here are in segments.
    let committedOffset: Atomic<UInt64>
    let logBytes = Atomic<Int>(0)
    /// Records below this one are not in the log any more.
    let logFirstOffset = Atomic<UInt64>(0)
    /// The log is over its cap because checkpoints lag.
    let isLagging = Atomic<Bool>(false)
    /// Memtables are over their ceiling because flushes lag.
    let isOverMemory = Atomic<Bool>(false)
    /// Closed, and all requests are worked off and sealed.
    let isDrained = Atomic<Bool>(false)
    let memory: MemoryAccount
    /// Deletes with a receipt.
    let deletes: DeleteTable
    /// Live in the catalog, but can't be opened: reported, kept until their time is over.
    let unreadable: [SegmentRecord]
    private let nextObject = Atomic<UInt64>(0)
    private let state: Mutex<State>

    private struct State {
        var fault: String?
        var waiters: [(offset: UInt64, done: @Sendable (Result<Void, WriteError>) -> Void)] = []
        /// Reserved names whose objects came to nothing, to be swept.
        var abandoned: [String] = []
        /// Removed in the catalog, their bytes still there.
        var removed: [Removed] = []
    }

    private struct Removed: Sendable {
        var object: RemovedObject
        /// While it lives, a snapshot may read the object.
        weak let segment: Format.Segment?
    }

    init(key: ShardKey, state: ShardState, root: ShardRoot<Format>, options: EngineOptions, memory: MemoryAccount) {
        self.key = key
        epoch = state.epoch
        let readable = Set(root.segments.map(\.record.name))
        unreadable = state.segments.filter { !readable.contains($0.name) }
        self.state = Mutex(
            State(
                // Reservations of dead epochs: whoever made them can't commit them any more.
                abandoned: state.reservations.filter { $0.value < state.epoch }.keys.sorted(),
                removed: state.removed.map { Removed(object: $0, segment: nil) }))
        requests = BoundedQueue(byteCountMax: options.queueBytesMax)
        self.root = Published(root)
        appliedOffset = Atomic(state.offset)
        committedOffset = Atomic(state.offset)
        self.memory = memory
        deletes = DeleteTable(state.deletes)
    }

    /// A name no object ever had: the epoch is this opening's alone.
    func newObjectName() -> String {
        let number = nextObject.wrappingAdd(1, ordering: .relaxed).newValue
        return "\(key.signal)/\(key.index)/\(epoch)-\(number)"
    }

    /// Why the shard can't go on, once it can't: its lease is lost.
    var fault: String? { state.withLock { $0.fault } }

    func setFault(_ why: String) { state.withLock { if $0.fault == nil { $0.fault = why } } }

    // MARK: Waiting for flushes

    func wait(for offset: UInt64, done: @escaping @Sendable (Result<Void, WriteError>) -> Void) {
        state.withLock { $0.waiters.append((offset: offset, done: done)) }
        releaseWaiters()
    }

    /// Answers those whose offset is committed; all of them when `failure` says why it never will be.
    func releaseWaiters(failure: WriteError? = nil) {
        let committed = committedOffset.load(ordering: .acquiring)
        let ready = state.withLock { state in
            let ready = state.waiters.filter { failure != nil || $0.offset <= committed }
            state.waiters.removeAll { failure != nil || $0.offset <= committed }
            return ready
        }
        for waiter in ready { waiter.done(failure.map { .failure($0) } ?? .success(())) }
    }

    // MARK: Objects on their way out

    func abandon(_ name: String) { state.withLock { $0.abandoned.append(name) } }

    /// Whether there are names that may stand for bytes, and will be swept.
    var hasAbandoned: Bool { state.withLock { !$0.abandoned.isEmpty } }

    func takeAbandoned() -> [String] {
        state.withLock { state in
            defer { state.abandoned = [] }
            return state.abandoned
        }
    }

    func noteRemoved(_ objects: [RemovedObject], _ handles: [SegmentHandle<Format>]) {
        state.withLock { state in
            for object in objects {
                let handle = handles.first { $0.record.name == object.name }
                state.removed.append(Removed(object: object, segment: handle?.segment))
            }
        }
    }

    /// Objects that are no segments any more and may have bytes.
    var removedObjects: [RemovedObject] { state.withLock { $0.removed.map(\.object) } }

    /// Names of removed objects whose time has come and which no snapshot can read.
    func removedObjects(dueAt now: Int64) -> [String] {
        state.withLock { state in
            state.removed.filter { $0.object.deleteAfter <= now && $0.segment == nil }.map(\.object.name)
        }
    }

    func forgetRemoved(_ names: [String]) {
        state.withLock { state in state.removed.removeAll { names.contains($0.object.name) } }
    }
}
