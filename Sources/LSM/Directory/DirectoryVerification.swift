import Bedrock
import Model

/// What a check of a whole data directory found.
public struct DirectoryVerification: Sendable {
    public var segments = 0
    public var segmentBytes = 0
    public var rows = 0
    public var logFiles = 0
    public var logRecords = 0
    public var checkpoints = 0
    /// Everything that is damaged or missing; empty for a sound directory.
    public var damages: [SegmentDamage] = []
}

extension DataDirectory {
    /// Reads every block of every segment of a signal that the catalog lists, every record of its logs and every checkpoint, and checks all
    /// checksums.
    ///
    /// Changes nothing. The torn tail that a crash leaves at the end of a log is no damage: nothing in it was acknowledged.
    /// - Parameter progress: told the name of each object before it is read.
    public func verify<Format: SegmentFormat>(
        _ format: Format, progress: (String) -> Void = { _ in }
    ) throws -> DirectoryVerification {
        var found = DirectoryVerification()
        for shard in try catalog.shards() where shard.signal == format.signal {
            guard let state = try catalog.state(shard) else { continue }
            for record in state.segments {
                progress(record.name)
                found.segments += 1
                found.segmentBytes += record.summary.byteCount
                found.rows += record.summary.rowCount
                verify(record, format) { found.damages.append($0) }
            }
            try verifyLog(shard, committed: state.offset, progress, &found)
            try verifyHeads(shard, committed: state.offset, progress, &found)
        }
        return found
    }

    private func verify<Format: SegmentFormat>(
        _ record: SegmentRecord, _ format: Format, report: (SegmentDamage) -> Void
    ) {
        func whole(_ reason: String) -> SegmentDamage {
            let lost = "\(record.summary.rowCount) rows of \(record.summary.seriesCount) series"
            return SegmentDamage(object: record.name, block: "object", offset: 0, lost: lost, reason: reason)
        }
        do {
            let object = try objects.open(record.name)
            guard object.size == record.summary.byteCount else {
                return report(whole("it has \(object.size) bytes, the catalog says \(record.summary.byteCount)"))
            }
            try format.open(object).verify(report)
        } catch let damage as SegmentDamage {
            report(damage)
        } catch { report(whole("\(error)")) }
    }

    /// The frames that recovery would want: what is committed may be damaged.
    private func verifyLog(
        _ shard: ShardKey, committed: UInt64, _ progress: (String) -> Void, _ found: inout DirectoryVerification
    ) throws {
        let directory = Path.join(path, "log/\(shard)")
        guard try fileSystem.status(directory) != nil else { return }
        let files = try LogFile.list(directory, fileSystem)
        for (index, file) in files.enumerated() {
            progress(file.path)
            found.logFiles += 1
            let mapped = try fileSystem.open(file.path, .read).map()
            // A file's records count up to the next one's first; the last file's up to where the log ends for recovery.
            let last =
                index + 1 < files.count
                ? files[index + 1].firstOffset - 1
                : LogTail(mapped.bytes, firstOffset: file.firstOffset, payloadBytesMax: .max).lastOffset
            var expected = max(file.firstOffset, committed + 1)
            func gap(through end: UInt64, at position: Int) {
                guard end >= expected else { return }
                found.damages.append(
                    SegmentDamage(
                        object: file.path, block: "records \(expected) to \(end)", offset: position,
                        lost: "\(end - expected + 1) records", reason: "checksum or structure is wrong"))
            }
            var scanner = LogScanner(mapped.bytes, firstOffset: file.firstOffset, payloadBytesMax: .max)
            while let frame = scanner.next(), frame.offset <= last {
                gap(through: frame.offset - 1, at: frame.extent.lowerBound)
                expected = max(expected, frame.offset + 1)
                found.logRecords += 1
            }
            gap(through: last, at: mapped.bytes.count)
        }
    }

    /// The chains of checkpoints that recovery would want.
    private func verifyHeads(
        _ shard: ShardKey, committed: UInt64, _ progress: (String) -> Void, _ found: inout DirectoryVerification
    ) throws {
        let directory = Path.join(path, "head/\(shard)")
        guard try fileSystem.status(directory) != nil else { return }
        for (first, files) in try HeadFile.groups(directory, after: committed, fileSystem) {
            for file in files { progress(file.path) }
            let reader = try HeadReader(files, firstOffset: first, fileSystem: fileSystem)
            found.checkpoints += reader.frames.count
            guard let lost = reader.lostThrough, lost > reader.through else { continue }
            found.damages.append(
                SegmentDamage(
                    object: files.last?.path ?? directory,
                    block: "checkpoints of records \(reader.through + 1) to \(lost)",
                    offset: 0, lost: "\(lost - reader.through) records, unless the log has them",
                    reason: "checksum or structure is wrong"))
        }
    }
}
