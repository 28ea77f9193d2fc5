import Bedrock

/// How far a source was read: one entry of the positions.
struct LogAdvance: Equatable {
    /// The source: `file/JOB/DEVICE/INODE`, `journal/JOB`.
    var key: String
    /// What the source makes of it; empty: the entry goes.
    var value: [UInt8]
}

/// How far every log source was read, up to a record of the queue; a file, replaced whole. Not thread-safe.
///
/// The records carry their own advances, so that lines and positions become durable in one write. This table is what the advances of all
/// records up to `sequence` add up to, kept so that the records may go.
struct PositionTable: Equatable {
    /// Of the queue.
    var identity: UInt64 = 0
    /// The last record that is in.
    var sequence: UInt64 = 0
    var entries: [String: [UInt8]] = [:]

    private static let magic: UInt64 = 0x3154_4144_5342_4f71  // "qOBSDAT1"
    private static let version: UInt32 = 1
    static let fileName = "sources"
    private static let bytesMax = 256 << 20

    mutating func apply(_ advances: [LogAdvance]) {
        for advance in advances { entries[advance.key] = advance.value.isEmpty ? nil : advance.value }
    }

    func encode() -> [UInt8] {
        var buffer = ByteBuffer(capacity: 64 + entries.count * 160)
        buffer.append(littleEndian: Self.magic)
        buffer.append(littleEndian: Self.version)
        buffer.append(littleEndian: identity)
        buffer.append(littleEndian: sequence)
        buffer.append(varint: entries.count)
        for (key, value) in entries.sorted(by: { $0.key < $1.key }) {
            buffer.append(prefixed: key)
            value.withUnsafeBytes { buffer.append(prefixed: $0) }
        }
        buffer.append(littleEndian: CRC32C.of(buffer.bytes))
        return buffer.array()
    }

    /// - Throws: for anything but what `encode` wrote.
    static func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodeError) -> PositionTable {
        guard bytes.count >= 4 else { throw DecodeError("positions end too early", at: 0) }
        let body = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - 4)])
        var trailer = ByteReader(bytes, at: bytes.count - 4)
        guard try trailer.littleEndian(UInt32.self) == CRC32C.of(body) else {
            throw DecodeError("checksum of positions doesn't fit", at: bytes.count - 4)
        }
        var reader = ByteReader(body)
        guard try reader.littleEndian(UInt64.self) == magic else { throw DecodeError("no positions", at: 0) }
        let found = try reader.littleEndian(UInt32.self)
        guard found == version else { throw DecodeError("positions of version \(found) are not known", at: 8) }
        var table = PositionTable()
        table.identity = try reader.littleEndian()
        table.sequence = try reader.littleEndian()
        for _ in 0..<(try reader.length(limit: reader.remaining)) {
            let key = String(decoding: try reader.prefixed(), as: UTF8.self)
            table.entries[key] = Array(try reader.prefixed())
        }
        guard reader.isAtEnd else { throw DecodeError("bytes behind the positions", at: reader.offset) }
        return table
    }

    /// Nil where there is none yet.
    static func read(_ directory: String, _ files: any FileSystem) throws(QueueFailure) -> PositionTable? {
        let path = Path.join(directory, fileName)
        let bytes: [UInt8]
        do throws(FileError) {
            guard try files.status(path) != nil else { return nil }
            bytes = try files.readAll(path, limit: bytesMax)
        } catch {
            throw .file(error)
        }
        do throws(DecodeError) {
            return try bytes.withUnsafeBufferPointer { (raw) throws(DecodeError) in
                try decode(UnsafeRawBufferPointer(raw))
            }
        } catch {
            throw .corrupt(path: path, error.description)
        }
    }

    func write(_ directory: String, _ files: any FileSystem) throws(FileError) {
        try files.replace(Path.join(directory, Self.fileName), with: encode())
    }
}
