import Bedrock

/// The embedded `WriteQueue`: a write-ahead log in files `<first offset>.log` of one directory.
///
/// - One `sync` writes all records appended since the last as one write and one fdatasync.
/// - After a failed write or sync the file is abandoned, never synced again: the kernel may have dropped the pages and call the next sync a
///   success. A new file begins with the offset behind the last durable record, and a file's records count only up to the next file's first.
/// - At opening, what only the page cache may hold is copied to a new, synced file before anything is built on it.
public final class LocalLog: WriteQueue, @unchecked Sendable {
    private let directory: String
    private let fileSystem: any FileSystem
    private let clock: any ClockSource
    private let options: LocalLogOptions

    /// Without the active one; ordered.
    private var files: [LogFile] = []
    private var active: (file: any File, log: LogFile)?
    /// Frames not yet written.
    private var pending = ByteBuffer()
    /// Frames written and accepted under `.interval`, not yet synced.
    private var unsynced = ByteBuffer()
    /// Last offset accepted by a successful `sync()`.
    private var accepted: UInt64
    /// Last offset known to be on the medium.
    private var durable: UInt64
    private var lastSync: UInt64
    public private(set) var nextOffset: UInt64

    /// Opens a log, or begins one.
    ///
    /// - Parameter firstOffset: the next record gets this offset at least: the catalog or a checkpoint holds all below.
    public init(
        directory: String, firstOffset: UInt64, options: LocalLogOptions = LocalLogOptions(),
        fileSystem: any FileSystem,
        clock: any ClockSource
    ) throws(QueueError) {
        precondition(firstOffset > 0, "offsets start at 1")
        self.directory = directory
        self.fileSystem = fileSystem
        self.clock = clock
        self.options = options
        accepted = firstOffset - 1
        durable = firstOffset - 1
        nextOffset = firstOffset
        lastSync = clock.monotonicNanoseconds()
        do throws(FileError) {
            try fileSystem.createDirectoryDurably(directory)
            // A process may have died between renaming a file and syncing its name.
            try fileSystem.syncDirectory(directory)
            files = try LogFile.list(directory, fileSystem)
            for name in try fileSystem.list(directory) where name.hasSuffix(".tmp") {
                try fileSystem.remove(Path.join(directory, name))
            }
        } catch { throw QueueError(error) }
        try recoverTail()
    }

    public var byteCount: Int {
        files.reduce((active?.log.byteCount ?? 0) + pending.count) { $0 + $1.byteCount }
    }

    public var hasUnsynced: Bool { !unsynced.isEmpty }

    public func append(_ record: UnsafeRawBufferPointer) throws(QueueError) -> UInt64 {
        guard record.count <= options.recordBytesMax else {
            throw .tooLarge(bytes: record.count, limit: options.recordBytesMax)
        }
        let offset = nextOffset
        LogFrame.append(record, offset: offset, syncedThrough: durable, to: &pending)
        nextOffset += 1
        return offset
    }

    public func sync() throws(QueueError) {
        let now = clock.monotonicNanoseconds()
        let mustSync = isSyncDue(now)
        guard !pending.isEmpty || (mustSync && !unsynced.isEmpty) else { return }
        do throws(FileError) {
            if active == nil {
                try begin()
            } else {
                try extend(sync: mustSync)
            }
        } catch {
            abandon()
            throw QueueError(error)
        }
        accepted = nextOffset - 1
        if active == nil || mustSync || unsynced.isEmpty { lastSync = now }
        if unsynced.isEmpty && (active?.log.byteCount ?? 0) >= options.fileBytes { roll() }
    }

    public func cut() { if unsynced.isEmpty && pending.isEmpty { roll() } }

    public var firstOffset: UInt64 { files.first?.firstOffset ?? active?.log.firstOffset ?? (accepted + 1) }

    public func trim(through offset: UInt64) throws(QueueError) {
        do throws(FileError) {
            while let oldest = files.first {
                let next = files.count > 1 ? files[1].firstOffset : active?.log.firstOffset ?? (accepted + 1)
                guard next <= offset + 1 else { break }
                // The last file may go only when older ones can't come back by a crash: an abandoned one holds frames that only the name
                // of its successor overrules.
                if files.count == 1 && active == nil { try fileSystem.syncDirectory(directory) }
                try fileSystem.remove(oldest.path)
                files.removeFirst()
            }
            guard files.isEmpty, offset >= accepted, unsynced.isEmpty, pending.isEmpty, let log = active?.log else {
                return
            }
            try fileSystem.syncDirectory(directory)
            active = nil
            try fileSystem.remove(log.path)
        } catch { throw QueueError(error) }
    }

    public func replay(
        from offset: UInt64, damage: (QueueDamage) throws -> Void,
        _ body: (UInt64, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var all = files
        if let active { all.append(active.log) }
        var expected = offset
        for (index, log) in all.enumerated() {
            let last = index + 1 < all.count ? all[index + 1].firstOffset - 1 : accepted
            guard last >= expected else { continue }
            if log.firstOffset > expected {
                try damage(
                    QueueDamage(
                        offsets: expected...(log.firstOffset - 1), place: directory, reason: "records are missing"))
                expected = log.firstOffset
            }
            try replay(log, through: last, expected: &expected, damage: damage, body)
        }
        if expected <= accepted {
            try damage(QueueDamage(offsets: expected...accepted, place: directory, reason: "records are missing"))
        }
    }

    private func replay(
        _ log: LogFile, through last: UInt64, expected: inout UInt64, damage: (QueueDamage) throws -> Void,
        _ body: (UInt64, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let mapped = try fileSystem.open(log.path, .read).map()
        var scanner = LogScanner(mapped.bytes, firstOffset: log.firstOffset, payloadBytesMax: options.recordBytesMax)
        while let frame = scanner.next(), frame.offset <= last {
            if frame.offset < expected { continue }
            if frame.offset > expected {
                try damage(
                    QueueDamage(
                        offsets: expected...(frame.offset - 1), place: log.path,
                        reason: "checksum or structure is wrong"))
            }
            try body(frame.offset, frame.payload)
            expected = frame.offset + 1
        }
        if expected <= last {
            try damage(QueueDamage(offsets: expected...last, place: log.path, reason: "checksum or structure is wrong"))
            expected = last + 1
        }
    }

    // MARK: Writing

    private func isSyncDue(_ now: UInt64) -> Bool {
        switch options.durability {
        case .sync: true
        case .interval(let nanoseconds):
            now - min(lastSync, now) >= nanoseconds || unsynced.count >= options.unsyncedBytesMax
        }
    }

    /// Writes what is pending behind the active file's end.
    private func extend(sync: Bool) throws(FileError) {
        guard let (file, log) = active else { return }
        try file.write(pending.bytes, at: UInt64(log.byteCount))
        if sync {
            try file.sync()
            unsynced.clear()
            durable = nextOffset - 1
        } else {
            unsynced.append(pending.bytes)
        }
        active?.log.byteCount += pending.count
        pending.clear()
    }

    /// Begins a file with all that is not durable elsewhere. It appears under its name whole and synced.
    private func begin() throws(FileError) {
        let first = durable + 1
        var content = ByteBuffer(capacity: LogFileHeader.byteCount + unsynced.count + pending.count)
        LogFileHeader(firstOffset: first, publishedThrough: nextOffset - 1).append(to: &content)
        content.append(unsynced.bytes)
        content.append(pending.bytes)
        let path = Path.join(directory, LogFile.name(first))
        let file = try fileSystem.publish(path, content.bytes)
        files.removeAll { $0.firstOffset == first }
        active = (file, LogFile(firstOffset: first, path: path, byteCount: content.count))
        unsynced.clear()
        pending.clear()
        durable = nextOffset - 1
    }

    private func roll() {
        if let log = active?.log { files.append(log) }
        active = nil
    }

    /// Gives up the active file and the group that was to be written.
    private func abandon() {
        pending.clear()
        nextOffset = accepted + 1
        roll()
    }

    // MARK: Opening

    /// Finds the end of the log and brings what may not be durable into a file of its own.
    private func recoverTail() throws(QueueError) {
        guard let last = files.last else { return }
        let carried: Bool
        do {
            let mapped = try fileSystem.open(last.path, .read).map()
            if case .newer(let version) = LogFileHeader.read(mapped.bytes) {
                throw QueueError.failed(
                    "\(last.path) has format version \(version), this program knows \(LogFileHeader.version): use a newer one"
                )
            }
            let tail = LogTail(mapped.bytes, firstOffset: last.firstOffset, payloadBytesMax: options.recordBytesMax)
            guard tail.lastOffset > durable else { return }
            durable = tail.provenThrough
            for extent in tail.unproven {
                unsynced.append(UnsafeRawBufferPointer(rebasing: mapped.bytes[extent]))
                unsynced.pad(from: 0, to: LogFrame.alignment)
            }
            nextOffset = tail.lastOffset + 1
            carried = !tail.unproven.isEmpty
        } catch let error as FileError { throw QueueError(error) } catch let error as QueueError { throw error } catch {
            throw .failed("\(error)")
        }
        if carried {
            do throws(FileError) { try begin() } catch { throw QueueError(error) }
        }
        durable = nextOffset - 1
        accepted = durable
    }
}
