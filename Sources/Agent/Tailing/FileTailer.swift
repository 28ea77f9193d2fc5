import Bedrock
import Model

/// Bounds of tailing.
struct TailLimits: Sendable {
    /// Descriptors of files that wait for more; those being read come on top.
    var openFilesMax = 256
    /// How often patterns are looked up where nothing tells of new files, and how often sizes are looked at. Nanoseconds.
    var discoveryInterval: UInt64 = 10_000_000_000
    var pollInterval: UInt64 = 1_000_000_000
    /// How long a renamed file may go on growing before it is let go.
    var elderPatience: UInt64 = 60_000_000_000
    /// Renamed files of one path that are kept open; beyond, the oldest that were read to their end are let go.
    var eldersMax = 16
    /// A compressed file is read once it didn't change for so long. Milliseconds.
    var compressedAge: Int64 = 2_000
    /// At once from one file, so that a fast one doesn't hold up the others.
    var turnBytes = 256 << 10
}

/// Reads all files that jobs name, through rotations. Stepped by the log worker's thread.
final class FileTailer: LogInput {
    private(set) var jobs: [TailJob]
    let opening: FileOpening
    let clock: any ClockSource
    let log: Logger
    let limits: TailLimits
    let watch: (any DirectoryWatch)?
    private let buffer = ReadBuffer()
    private let times: LineTimes
    /// By job and path.
    var groups: [String: TailGroup] = [:]
    private var order: [String] = []
    private var turn = 0
    /// Files that aren't being read now, by key.
    var known: [String: TailPosition]
    private var nextDiscovery: UInt64 = 0
    private var isFirstDiscovery = true
    private var nextPoll: UInt64 = 0
    private var complaints: Set<String> = []
    /// Shows how it goes to other threads.
    let board: TailBoard

    /// - Parameter positions: how far what was read; entries of others are left alone.
    init(
        jobs: [TailJob], positions: [String: [UInt8]], files: any FileSystem, clock: any ClockSource, log: Logger,
        limits: TailLimits = TailLimits(), watch: (any DirectoryWatch)?, board: TailBoard
    ) {
        self.jobs = jobs
        opening = FileOpening(files: files)
        self.clock = clock
        self.log = log
        self.limits = limits
        self.watch = watch
        self.board = board
        times = LineTimes(clock)
        known = [:]
        for (key, value) in positions where key.hasPrefix("file/") {
            let position = value.withUnsafeBytes { try? TailPosition(decoding: $0) }
            if let position { known[key] = position } else { complain("a position can't be read: \(key)") }
        }
    }

    var due: UInt64 {
        var next = min(nextDiscovery, nextPoll)
        for group in groups.values {
            if group.isDirty { next = min(next, group.retryAt) }
            for file in group.members {
                if let due = file.pipeline.due { next = min(next, due) }
                if let due = file.unfinishedDue { next = min(next, due) }
            }
        }
        return next
    }

    // MARK: Reading

    func read(into builder: LogRecordBuilder, bytes: Int, now: UInt64) -> Bool {
        let sink = LogAppending(builder, times)
        noticeChanges(now)
        if now >= nextDiscovery { discover(sink, now) }
        if now >= nextPoll {
            nextPoll = now &+ (watch == nil ? limits.pollInterval / 4 : limits.pollInterval)
            for group in groups.values { group.isDirty = true }
        }
        let before = (builder.byteCount, builder.isEmpty)
        let limit = builder.byteCount + bytes
        // Every file has its turn; where the record was full, the next one goes on.
        for _ in 0..<order.count where builder.byteCount < limit {
            let key = order[turn % order.count]
            turn = (turn + 1) % order.count
            guard let group = groups[key], group.isDirty || hasDue(group, now), now >= group.retryAt else { continue }
            read(group, sink, now, bytes: min(limits.turnBytes, limit - builder.byteCount))
        }
        board.show(groups.values)
        return before != (builder.byteCount, builder.isEmpty)
    }

    private func hasDue(_ group: TailGroup, _ now: UInt64) -> Bool {
        group.members.contains { file in
            (file.pipeline.due.map { now >= $0 } ?? false) || (file.unfinishedDue.map { now >= $0 } ?? false)
        }
    }

    private func read(_ group: TailGroup, _ sink: LogAppending, _ now: UInt64, bytes: Int) {
        checkPath(group, sink, now)
        group.isDirty = false
        var index = 0
        while index < group.members.count {
            let members = group.members
            let file = members[index]
            if file.pipeline.pausedUntil > now {
                group.isDirty = true
                group.retryAt = file.pipeline.pausedUntil
                return
            }
            guard open(file, group, now) else {
                index += 1
                continue
            }
            let outcome = file.read(
                into: sink, bytes: bytes, now: now, buffer: buffer, rest: file.isCompressed ? .end : .wait
            ) { isNext(file, $0, group, sink, now) }
            file.flush(into: sink, now: now, all: false)
            switch outcome {
            case .more:
                group.isDirty = true
                return
            case .end:
                if file.isCompressed { finish(file, group, sink, now) }
                if group.elders.count > index, group.elders[index] === file, isOver(file, group, now) {
                    letGo(file, group, sink, now)
                } else if group.members.count == members.count {
                    index += 1
                }
            case .truncated:
                restart(file, group, sink, now)
                return
            case .failed(let error):
                complain(error.description)
                if file.isCompressed { finish(file, group, sink, now) } else { file.file = nil }
                group.isDirty = true
                group.retryAt = now &+ 1_000_000_000
                return
            }
        }
    }

    /// Whether nothing more is to be expected of a renamed file.
    private func isOver(_ file: TailedFile, _ group: TailGroup, _ now: UInt64) -> Bool {
        now > file.lastRead &+ limits.elderPatience || group.elders.count > limits.eldersMax
    }

    /// The end of a file that won't be read again.
    private func letGo(_ file: TailedFile, _ group: TailGroup, _ sink: LogAppending, _ now: UInt64) {
        _ = file.read(into: sink, bytes: .max, now: now, buffer: buffer, rest: .end)
        file.flush(into: sink, now: now, all: true)
        group.elders.removeAll { $0 === file }
        file.file = nil
        file.position.isFinished = true
        known[file.key] = file.positionNow
        sink.advance(file.key, file.positionNow.encode())
    }

    /// A compressed file was read once and for all, or as far as it is whole.
    private func finish(_ file: TailedFile, _ group: TailGroup, _ sink: LogAppending, _ now: UInt64) {
        file.flush(into: sink, now: now, all: true)
        file.file = nil
        file.position.isFinished = true
        sink.advance(file.key, file.positionNow.encode())
        if group.current !== file {
            group.elders.removeAll { $0 === file }
            known[file.key] = file.positionNow
        }
    }

    /// Takes another configuration: what stays the same goes on, the rest ends where it is.
    func configure(_ jobs: [TailJob]) {
        var kept: [TailJob] = []
        for job in jobs {
            let same = self.jobs.first { $0.configuration == job.configuration }
            kept.append(same ?? job)
        }
        for (key, group) in groups where !kept.contains(where: { $0 === group.job }) {
            for file in group.members { known[file.key] = file.positionNow }
            groups[key] = nil
        }
        self.jobs = kept
        order = groups.keys.sorted()
        nextDiscovery = 0
    }

    // MARK: Finding

    private func noticeChanges(_ now: UInt64) {
        guard let changes = watch?.take() else { return }
        if changes.hasNewNames { nextDiscovery = min(nextDiscovery, now) }
        for path in changes.paths {
            for job in jobs { groups[job.name + "\0" + path]?.isDirty = true }
        }
        if changes.isOverflown {
            nextDiscovery = min(nextDiscovery, now)
            nextPoll = now
        }
    }

    private func discover(_ sink: LogAppending, _ now: UInt64) {
        nextDiscovery = now &+ limits.discoveryInterval
        for job in jobs {
            for target in job.configuration.targets {
                var walk = GlobWalk(opening.files)
                walk.walk(target.pattern)
                for directory in walk.directories { _ = watch?.watch(directory) }
                for problem in walk.problems { complain(problem) }
                for (path, status) in walk.found.sorted(by: { $0.key < $1.key }) {
                    let key = job.name + "\0" + path
                    guard groups[key] == nil, !target.excluded.contains(where: { $0.matches(path) }),
                        !isActive(FileIdentity(status), job), let labels = job.labels(path, target)
                    else { continue }
                    let group = TailGroup(job: job, path: path, labels: labels)
                    if begin(group, status, sink, now) { groups[key] = group }
                }
                if isFirstDiscovery { resumeVacant(job, target, sink, now) }
            }
        }
        isFirstDiscovery = false
        forget(sink, now)
        order = groups.keys.sorted()
    }

    func isActive(_ identity: FileIdentity, _ job: TailJob) -> Bool {
        groups.values.contains { group in
            group.job === job && group.members.contains { $0.position.identity == identity }
        }
    }

    /// Said once.
    func complain(_ text: String) {
        if complaints.count > 1_000 { complaints.removeAll() }
        if complaints.insert(text).inserted { log.warn("cannot read logs", ["reason": text]) }
    }
}
