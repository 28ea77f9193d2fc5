import Bedrock
import CLinux
import Glibc
import Synchronization

/// What changed in watched directories since the last time somebody asked.
struct DirectoryChanges: Equatable {
    /// Files that were written to.
    var paths: Set<String> = []
    /// Names came, went or moved.
    var hasNewNames = false
    /// Something was missed: look at everything.
    var isOverflown = false
}

/// Tells of changes in directories; without one, tailing looks for itself. Thread-safe.
protocol DirectoryWatch: AnyObject, Sendable {
    /// False where it can't be watched.
    func watch(_ directory: String) -> Bool
    /// Takes what changed so far.
    func take() -> DirectoryChanges
    func stop()
}

/// The kernel's notifications (inotify). A thread of its own gathers them and wakes the reader.
final class KernelWatch: DirectoryWatch {
    private struct State {
        var changes = DirectoryChanges()
        var directories: [Int32: String] = [:]
        var watched: Set<String> = []
    }

    private let descriptor: Int32
    private let wakeup: Int32
    private let state = Mutex(State())
    private let waker: Waker
    private let isStopping = Atomic<Bool>(false)
    /// The reader is woken at most so often. Microseconds.
    private static let restMicroseconds: UInt32 = 10_000

    /// Nil where the kernel has none to give.
    init?(waker: Waker) {
        self.waker = waker
        descriptor = clinux_inotify_open()
        wakeup = eventfd(0, Int32(EFD_CLOEXEC))
        guard descriptor >= 0, wakeup >= 0 else { return nil }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        if wakeup >= 0 { close(wakeup) }
    }

    /// Begins to gather; the thread ends with `stop`.
    func start() -> Bool {
        HelperThread.detach(named: "log-watch") { [self] in loop() }
    }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        var one: UInt64 = 1
        _ = write(wakeup, &one, 8)
    }

    func watch(_ directory: String) -> Bool {
        state.withLock { state in
            if state.watched.contains(directory) { return true }
            let number = clinux_inotify_watch(descriptor, directory)
            guard number >= 0 else { return false }
            // Several paths may lead to one directory; the last one names it.
            state.directories[number] = directory
            state.watched.insert(directory)
            return true
        }
    }

    func take() -> DirectoryChanges {
        state.withLock { state in
            defer { state.changes = DirectoryChanges() }
            return state.changes
        }
    }

    private func loop() {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 8)
        defer { room.deallocate() }
        while !isStopping.load(ordering: .acquiring) {
            var fds = [
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&fds, 2, -1) > 0 || errno == EINTR else { return }
            let got = Glibc.read(descriptor, room.baseAddress, room.count)
            guard got > 0 else { continue }
            note(UnsafeRawBufferPointer(rebasing: room[..<got]))
            waker.wake()
            usleep(Self.restMicroseconds)
        }
    }

    private func note(_ events: UnsafeRawBufferPointer) {
        state.withLock { state in
            var at = 0
            while at + 16 <= events.count {
                let number = events.loadUnaligned(fromByteOffset: at, as: Int32.self)
                let mask = events.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self)
                let length = Int(events.loadUnaligned(fromByteOffset: at + 12, as: UInt32.self))
                guard at + 16 + length <= events.count else { return }
                let name = events[(at + 16)..<(at + 16 + length)].prefix { $0 != 0 }
                at += 16 + length
                if mask & UInt32(IN_Q_OVERFLOW) != 0 { state.changes.isOverflown = true }
                if mask & UInt32(IN_IGNORED) != 0 {
                    if let gone = state.directories.removeValue(forKey: number) { state.watched.remove(gone) }
                    state.changes.hasNewNames = true
                }
                guard let directory = state.directories[number], !name.isEmpty else { continue }
                state.changes.paths.insert(Path.join(directory, String(decoding: name, as: UTF8.self)))
                if mask & UInt32(IN_MODIFY) == 0 { state.changes.hasNewNames = true }
            }
        }
    }
}
