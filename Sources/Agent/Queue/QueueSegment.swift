import Bedrock

/// One file of a queue. Owned by the queue's thread.
final class QueueSegment {
    let path: String
    let file: any File
    let firstSequence: UInt64
    /// Behind the last record that is durable.
    var end: UInt64
    /// Records and samples in the file, delivered or not.
    var records: [Mark] = []
    /// The first record that isn't acknowledged.
    var firstLive = 0

    /// Where a record stands, and what losing it means.
    struct Mark: Equatable {
        var sequence: UInt64
        var offset: UInt64
        var bytes: Int
        var samples: Int
    }

    init(path: String, file: any File, firstSequence: UInt64, end: UInt64) {
        self.path = path
        self.file = file
        self.firstSequence = firstSequence
        self.end = end
    }

    /// Creates an empty one; durable only once the directory is synced.
    static func create(
        _ directory: String, firstSequence: UInt64, _ files: any FileSystem
    ) throws(FileError) -> QueueSegment {
        let path = Path.join(directory, QueueFormat.segmentName(firstSequence))
        // A leftover of the same name has no durable record, or its sequences would be used up.
        try files.remove(path)
        let file = try files.open(path, .createNew)
        var header = ByteBuffer(capacity: QueueFormat.segmentHeaderBytes)
        QueueFormat.appendSegmentHeader(firstSequence, to: &header)
        try file.write(header.bytes, at: 0)
        try file.sync()
        try files.syncDirectory(directory)
        return QueueSegment(path: path, file: file, firstSequence: firstSequence, end: UInt64(header.count))
    }

    /// What opening a file of an earlier run found.
    struct Opened {
        var segment: QueueSegment
        /// Bytes behind the last good record.
        var damagedBytes: Int
    }

    /// Reads the marks of all records up to the first damaged header. Payloads are checked when they are read for sending; a damaged file
    /// header costs nothing, since the name says the same.
    static func open(
        _ path: String, firstSequence: UInt64, _ files: any FileSystem
    ) throws(QueueFailure) -> Opened {
        let file: any File
        let mapped: MappedFile
        do throws(FileError) {
            file = try files.open(path, .readWrite)
            mapped = try file.map()
        } catch {
            throw .file(error)
        }
        let bytes = mapped.bytes
        _ = try QueueFormat.readSegmentHeader(bytes, path: path)
        let segment = QueueSegment(
            path: path, file: file, firstSequence: firstSequence, end: UInt64(QueueFormat.segmentHeaderBytes))
        var offset = QueueFormat.segmentHeaderBytes
        while offset < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            guard let header = QueueFormat.readRecordHeader(rest),
                header.payloadBytes <= rest.count - QueueFormat.recordHeaderBytes
            else { break }
            let whole = QueueFormat.recordHeaderBytes + header.payloadBytes
            segment.records.append(
                Mark(sequence: header.sequence, offset: UInt64(offset), bytes: whole, samples: header.samples))
            offset += whole
        }
        segment.end = UInt64(offset)
        return Opened(segment: segment, damagedBytes: max(0, bytes.count - offset))
    }

    /// The payload of a record; nil when its bytes are damaged.
    func payload(_ mark: Mark) throws(FileError) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: mark.bytes)
        var failure: FileError?
        let got = bytes.withUnsafeMutableBytes { buffer -> Int in
            do throws(FileError) { return try file.read(at: mark.offset, into: buffer) } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        guard got == bytes.count else { return nil }
        let isWhole = bytes.withUnsafeBytes { raw in
            guard let header = QueueFormat.readRecordHeader(raw), header.sequence == mark.sequence else { return false }
            return CRC32C.of(UnsafeRawBufferPointer(rebasing: raw[QueueFormat.recordHeaderBytes...]))
                == header.payloadChecksum
        }
        guard isWhole else { return nil }
        bytes.removeFirst(QueueFormat.recordHeaderBytes)
        return bytes
    }
}
