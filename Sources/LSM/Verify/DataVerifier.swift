import Bedrock
import Model

/// Checks a whole data directory that no process uses: every segment's blocks, every log frame, every checkpoint. Changes nothing in it.
public final class DataVerifier {
    /// What was looked at.
    public struct Summary: Equatable, Sendable {
        public var shards = 0
        public var segments = 0
        public var segmentBytes = 0
        public var segmentRows = 0
        public var logRecords = 0
        public var checkpoints = 0
        public var damages = 0
    }

    private let path: String
    private let fileSystem: any FileSystem
    private let catalog: any Catalog
    private let objects: any ObjectStore
    private let lock: any File
    private let clock: any ClockSource

    /// - Parameter catalog: instead of `catalog.db`.
    /// - Throws: `EngineError` when it is in use, of a newer version, or not a data directory.
    public init(
        _ path: String, fileSystem: any FileSystem = PosixFileSystem(), clock: any ClockSource = SystemClock(),
        catalog: (any Catalog)? = nil
    ) throws {
        self.path = path
        self.fileSystem = fileSystem
        self.clock = clock
        guard try fileSystem.status(Path.join(path, "VERSION")) != nil else {
            throw EngineError.notADataDirectory("\(path) is not a data directory: it has no VERSION")
        }
        lock = try DataDirectory.takeLock(path, fileSystem)
        try DataDirectory.checkVersion(path, fileSystem)
        self.catalog = try catalog ?? SQLiteCatalog(path: Path.join(path, "catalog.db"), readOnly: true)
        objects = try DirectoryStore(root: Path.join(path, "objects"), fileSystem: fileSystem)
    }

    /// Checks one signal.
    /// - Parameter report: called for each damage.
    public func verify(_ format: some SegmentFormat, report: (DamageReport) -> Void) throws -> Summary {
        var summary = Summary()
        func tell(_ kind: DamageReport.Kind, _ place: String, _ reason: String, _ lost: String) {
            summary.damages += 1
            report(DamageReport(kind: kind, time: clock.now(), place: place, reason: reason, lost: lost))
        }
        for key in try catalog.shards() where key.signal == format.signal {
            guard let state = try catalog.state(key) else { continue }
            summary.shards += 1
            for record in state.segments {
                summary.segments += 1
                summary.segmentBytes += record.summary.byteCount
                summary.segmentRows += record.summary.rowCount
                verify(record, format) { tell(.segment, "\($0.object), \($0.block) at byte \($0.offset)", $0.reason, $0.lost) }
            }
            summary.logRecords += try verifyLog(key, committed: state.offset) {
                tell(.log, $0.place, $0.reason, "records \($0.offsets.lowerBound) to \($0.offsets.upperBound)")
            }
            summary.checkpoints += try verifyHeads(key, committed: state.offset) {
                tell(.checkpoint, $0.place, $0.reason, "records \($0.offsets.lowerBound) to \($0.offsets.upperBound), unless the log has them")
            }
        }
        return summary
    }

    private func verify(_ record: SegmentRecord, _ format: some SegmentFormat, report: (SegmentDamage) -> Void) {
        func whole(_ reason: String) -> SegmentDamage {
            SegmentDamage(
                object: record.name, block: "object", offset: 0,
                lost: "\(record.summary.seriesCount) series, \(record.summary.rowCount) rows from \(record.summary.timeRange.start) to \(record.summary.timeRange.end) ms",
                reason: reason)
        }
        do {
            let object = try objects.open(record.name)
            guard object.size == record.summary.byteCount else {
                return report(whole("it has \(object.size) bytes, the catalog says \(record.summary.byteCount)"))
            }
            let segment = try format.open(object)
            guard segment.summary.rowCount == record.summary.rowCount else {
                return report(whole("it has \(segment.summary.rowCount) rows, the catalog says \(record.summary.rowCount)"))
            }
            try segment.verify(report)
        } catch let damage as SegmentDamage {
            report(damage)
        } catch { report(whole("\(error)")) }
    }

    /// Checks the frames that recovery would want. Returns how many are sound.
    private func verifyLog(_ key: ShardKey, committed: UInt64, report: (QueueDamage) -> Void) throws -> Int {
        let directory = Path.join(path, "log/\(key)")
        guard try fileSystem.status(directory) != nil else { return 0 }
        let files = try LogFile.list(directory, fileSystem)
        var count = 0
        for (index, file) in files.enumerated() {
            let mapped = try fileSystem.open(file.path, .read).map()
            let limit = LocalLogOptions().recordBytesMax
            let last =
                index + 1 < files.count
                ? files[index + 1].firstOffset - 1
                : LogTail(mapped.bytes, firstOffset: file.firstOffset, payloadBytesMax: limit).lastOffset
            var expected = max(file.firstOffset, committed + 1)
            var scanner = LogScanner(mapped.bytes, firstOffset: file.firstOffset, payloadBytesMax: limit)
            while let frame = scanner.next(), frame.offset <= last {
                if frame.offset > expected {
                    report(QueueDamage(offsets: expected...(frame.offset - 1), place: file.path, reason: "checksum or structure is wrong"))
                }
                count += 1
                expected = max(expected, frame.offset + 1)
            }
            if expected <= last {
                report(QueueDamage(offsets: expected...last, place: file.path, reason: "checksum or structure is wrong"))
            }
        }
        return count
    }

    /// Checks the chains of checkpoints that recovery would want. Returns how many are sound.
    private func verifyHeads(_ key: ShardKey, committed: UInt64, report: (QueueDamage) -> Void) throws -> Int {
        let directory = Path.join(path, "head/\(key)")
        guard try fileSystem.status(directory) != nil else { return 0 }
        var count = 0
        for (first, files) in try HeadFile.groups(directory, after: committed, fileSystem) {
            let reader = try HeadReader(files, firstOffset: first, fileSystem: fileSystem)
            count += reader.frames.count
            if let lost = reader.lostThrough, lost > reader.through {
                report(
                    QueueDamage(
                        offsets: (reader.through + 1)...lost, place: reader.paths.last ?? directory,
                        reason: "a checkpoint is not readable"))
            }
        }
        return count
    }
}
