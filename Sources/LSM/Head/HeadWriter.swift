import Bedrock

/// Writes the checkpoints of one memtable, so that the log can be trimmed to them.
///
/// After a failed write or sync the part is abandoned and the frames go to a next one, which overrules its predecessor's frames from its own
/// first on. Used by the shard's worker.
final class HeadWriter {
    private let directory: String
    private let fileSystem: any FileSystem
    private let header: HeadFileHeader
    private var part: Int
    private var file: (any File)?
    private var size = 0
    /// Frames not yet on the medium.
    private var pending = ByteBuffer()
    /// The last record in a frame, written or not.
    private(set) var pendingThrough: UInt64
    private(set) var paths: [String] = []
    /// Records up to this one need the log no more.
    private(set) var durableThrough: UInt64

    /// - Parameter recovered: what is there already, when the memtable was restored.
    init(
        directory: String, firstOffset: UInt64, formatVersion: Int, recovered: HeadReader? = nil,
        fileSystem: any FileSystem
    ) {
        self.directory = directory
        self.fileSystem = fileSystem
        header = HeadFileHeader(firstOffset: firstOffset, formatVersion: UInt32(truncatingIfNeeded: formatVersion))
        part = recovered?.nextPart ?? 0
        paths = recovered?.paths ?? []
        durableThrough = firstOffset - 1
        pendingThrough = durableThrough
        // The last frame may be in the page cache only: it is written once more before the log may forget its records.
        if let last = recovered?.frames.last {
            durableThrough = last.after
            pendingThrough = last.through
            pending.append(last.bytes)
            pending.pad(from: 0, to: HeadFrame.alignment)
        }
    }

    /// Bytes written and to be written.
    var byteCount: Int { size + pending.count }

    /// Adds a checkpoint, to be written by `write`.
    func append(through: UInt64, lanes: UnsafeRawBufferPointer, block: UnsafeRawBufferPointer) {
        precondition(through >= pendingThrough, "checkpoint through \(through) after \(pendingThrough)")
        HeadFrame.append(after: pendingThrough, through: through, lanes: lanes, block: block, to: &pending)
        pendingThrough = through
    }

    /// Writes and syncs what is pending.
    func write() throws(FileError) {
        guard !pending.isEmpty else { return }
        do throws(FileError) {
            if let file {
                try file.write(pending.bytes, at: UInt64(size))
                try file.sync()
                size += pending.count
            } else {
                var content = ByteBuffer(capacity: HeadFileHeader.byteCount + pending.count)
                header.append(to: &content)
                content.append(pending.bytes)
                let path = HeadFile.path(directory, firstOffset: header.firstOffset, part: part)
                paths.append(path)
                file = try fileSystem.publish(path, content.bytes)
                size = content.count
            }
        } catch {
            file = nil
            part += 1
            throw error
        }
        pending.clear()
        durableThrough = pendingThrough
    }
}
