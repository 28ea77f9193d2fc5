import Bedrock

/// What makes a file that file: names move, this stays. The device and inode of a file that is gone may come back as another's.
struct FileIdentity: Hashable, Sendable {
    var device: UInt64
    var inode: UInt64

    init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }

    init(_ status: FileStatus) { self.init(device: status.device, inode: status.inode) }
}

/// How far a file was read, and what it looked like up to there.
struct TailPosition: Equatable {
    /// The path whose lines these are; the file may have been renamed since.
    var path: String
    var identity: FileIdentity
    /// Behind the last byte that was consumed. Of compressed files: of their content.
    var offset: UInt64 = 0
    /// Which piece of a cut line comes next; 0 at the beginning of a line.
    var part: UInt32 = 0
    /// The file's first bytes, and those before `offset`.
    var head = ByteSample.none
    var tail = ByteSample.none
    /// Bytes before `offset` whose lines wait for others to be joined with.
    var held: [Range<UInt64>] = []
    /// When the file was last modified, as of the last read. Milliseconds.
    var modified: Int64 = 0
    /// Lines are within a private key that is being redacted.
    var isInsideKey = false
    /// It was read to its end and nothing more comes: a compressed file.
    var isFinished = false

    private static let version: UInt8 = 1
    private static let heldMax = 10_000

    func encode() -> [UInt8] {
        var buffer = ByteBuffer(capacity: 128 + path.utf8.count)
        buffer.append(Self.version)
        buffer.append(prefixed: path)
        buffer.append(varint: identity.device)
        buffer.append(varint: identity.inode)
        buffer.append(varint: offset)
        buffer.append(varint: UInt64(part))
        head.append(to: &buffer)
        tail.append(to: &buffer)
        buffer.append(varint: held.count)
        for range in held {
            buffer.append(varint: range.lowerBound)
            buffer.append(varint: range.upperBound - range.lowerBound)
        }
        buffer.append(signedVarint: modified)
        buffer.append((isInsideKey ? 1 : 0) | (isFinished ? 2 : 0) as UInt8)
        return buffer.array()
    }

    init(path: String, identity: FileIdentity) {
        self.path = path
        self.identity = identity
    }

    /// - Throws: for anything but what `encode` wrote.
    init(decoding bytes: UnsafeRawBufferPointer) throws(DecodeError) {
        var reader = ByteReader(bytes)
        guard try reader.u8() == Self.version else { throw DecodeError("position of an unknown version", at: 0) }
        path = String(decoding: try reader.prefixed(), as: UTF8.self)
        identity = FileIdentity(device: try reader.varint(), inode: try reader.varint())
        offset = try reader.varint()
        part = UInt32(truncatingIfNeeded: try reader.varint())
        head = try ByteSample(&reader)
        tail = try ByteSample(&reader)
        for _ in 0..<(try reader.length(limit: Self.heldMax)) {
            let start = try reader.varint()
            let (end, overflow) = start.addingReportingOverflow(try reader.varint())
            guard !overflow, end <= offset else {
                throw DecodeError("a held range is not before the offset", at: reader.offset)
            }
            held.append(start..<end)
        }
        modified = try reader.signedVarint()
        let flags = try reader.u8()
        isInsideKey = flags & 1 != 0
        isFinished = flags & 2 != 0
        guard reader.isAtEnd, UInt64(tail.length) <= offset, UInt64(head.length) <= offset else {
            throw DecodeError("position doesn't fit together", at: reader.offset)
        }
    }

    /// The key of this file's entry among the positions.
    func key(job: String) -> String { "file/\(job)/\(identity.device)/\(identity.inode)" }

    static func prefix(job: String) -> String { "file/\(job)/" }
}
