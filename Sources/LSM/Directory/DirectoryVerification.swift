import Bedrock
import Model

/// What a check of a whole data directory found.
public struct DirectoryVerification: Sendable {
    public var segments = 0
    public var segmentBytes = 0
    public var rows = 0
    public var logFiles = 0
    public var logRecords = 0
    /// Everything that is damaged or missing; empty for a sound directory.
    public var damages: [SegmentDamage] = []
}

extension DataDirectory {
    /// Reads every block of every segment of a signal that the catalog lists, and every record of its logs, and checks all checksums.
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
                do {
                    try format.open(try objects.open(record.name)).verify { found.damages.append($0) }
                } catch let damage as SegmentDamage {
                    found.damages.append(damage)
                } catch {
                    let lost = "\(record.summary.rowCount) rows of \(record.summary.seriesCount) series"
                    found.damages.append(
                        SegmentDamage(object: record.name, block: "object", offset: 0, lost: lost, reason: "\(error)"))
                }
            }
            try verifyLog(shard, committed: state.offset, progress, &found)
        }
        return found
    }

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
            var scanner = LogScanner(mapped.bytes, firstOffset: file.firstOffset, payloadBytesMax: .max)
            var expected = file.firstOffset
            func gap(_ next: UInt64, at offset: Int) {
                guard next > expected, next > committed + 1 else { return }
                found.damages.append(
                    SegmentDamage(
                        object: file.path, block: "records \(expected) to \(next - 1)", offset: offset,
                        lost: "\(next - expected) records", reason: "unreadable"))
            }
            while let frame = scanner.next() {
                gap(frame.offset, at: frame.extent.lowerBound)
                expected = frame.offset + 1
                found.logRecords += 1
            }
            if index + 1 < files.count { gap(files[index + 1].firstOffset, at: mapped.bytes.count) }
        }
    }
}
