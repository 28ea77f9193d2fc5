import Bedrock
import Synchronization

/// What happens on a full disk: a ballast file gives its space back, so that flushes, retention and commits can go on, and writes are refused
/// until there is room again. One per data directory. Thread-safe.
public final class DiskGuard: Sendable {
    private let fileSystem: any FileSystem
    private let directory: String
    private let ballastBytes: Int
    private let full = Atomic<Bool>(false)
    private let hasBallast = Atomic<Bool>(false)
    private let fullCount = Atomic<Int>(0)

    private var path: String { Path.join(directory, "ballast") }

    public init(directory: String, ballastBytes: Int, fileSystem: any FileSystem) {
        self.directory = directory
        self.ballastBytes = ballastBytes
        self.fileSystem = fileSystem
    }

    /// Writes are refused.
    public var isFull: Bool { full.load(ordering: .acquiring) }

    /// How often it became full.
    public var fullEventCount: Int { fullCount.load(ordering: .relaxed) }

    /// Somebody found no room.
    public func noteFull() {
        guard !full.exchange(true, ordering: .acquiringAndReleasing) else { return }
        fullCount.wrappingAdd(1, ordering: .relaxed)
        // It counts as gone even if this fails; the next attempt to make it anew begins with removing it. Removed before it is noted as
        // gone, so that `restore` on another thread can't take the old file for a new one.
        try? fileSystem.remove(path)
        hasBallast.store(false, ordering: .releasing)
    }

    /// Notes an error if it says that there is no room; says whether it did.
    @discardableResult
    func note(_ error: any Error) -> Bool {
        guard isDiskFull(error) else { return false }
        noteFull()
        return true
    }

    /// Makes the ballast if it is not there, and lets writes in again once there is room for it and as much again. Called now and then.
    func restore() {
        if hasBallast.load(ordering: .acquiring) { return }
        guard let space = try? fileSystem.space(directory) else { return }
        let existing = ((try? fileSystem.status(path)) ?? nil)?.size ?? 0
        if existing != UInt64(ballastBytes) {
            guard space.available + existing >= 2 * UInt64(ballastBytes) else { return }
            do throws(FileError) { try makeBallast() } catch {
                try? fileSystem.remove(path)
                return
            }
        }
        hasBallast.store(true, ordering: .relaxed)
        full.store(false, ordering: .releasing)
    }

    /// Written with noise, as a file system may store zeros for nothing.
    private func makeBallast() throws(FileError) {
        try fileSystem.remove(path)
        let file = try fileSystem.open(path, .createNew)
        var generator = SeededGenerator(seed: 0x0BA1_1A57)
        let chunk = ContiguousArray((0..<max(1, min(ballastBytes, 1 << 20) / 8)).map { _ in generator.next() })
        var written = 0
        while written < ballastBytes {
            var failure: FileError?
            chunk.withUnsafeBytes { bytes in
                let part = UnsafeRawBufferPointer(rebasing: bytes[..<min(bytes.count, ballastBytes - written)])
                do throws(FileError) { try file.write(part, at: UInt64(written)) } catch { failure = error }
                written += part.count
            }
            if let failure { throw failure }
        }
        try file.sync()
    }
}
