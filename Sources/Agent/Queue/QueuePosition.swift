import Bedrock

/// How far a queue was delivered, and who it is. A small file, replaced whole.
struct QueuePosition: Equatable {
    /// Chosen at random when the queue was made. Sequences are counted per identity, so a queue that was deleted and made anew is not
    /// mistaken for the old one repeating itself.
    var identity: UInt64
    /// Everything up to this sequence is delivered, or given up.
    var acknowledged: UInt64
    /// No smaller sequence may be given out.
    var nextSequence: UInt64

    static let fileName = "position"

    /// Nil where there is none.
    static func read(_ directory: String, _ files: any FileSystem) throws(QueueFailure) -> QueuePosition? {
        let path = Path.join(directory, fileName)
        let bytes: [UInt8]
        do throws(FileError) {
            guard try files.status(path) != nil else { return nil }
            bytes = try files.readAll(path, limit: 4096)
        } catch {
            throw .file(error)
        }
        var found: QueuePosition?
        bytes.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            guard let magic = try? reader.littleEndian(UInt64.self), magic == QueueFormat.positionMagic,
                let identity = try? reader.littleEndian(UInt64.self),
                let acknowledged = try? reader.littleEndian(UInt64.self),
                let next = try? reader.littleEndian(UInt64.self),
                let sum = try? reader.littleEndian(UInt32.self),
                sum == CRC32C.of(UnsafeRawBufferPointer(rebasing: raw[..<32]))
            else { return }
            found = QueuePosition(identity: identity, acknowledged: acknowledged, nextSequence: next)
        }
        return found
    }

    func write(_ directory: String, _ files: any FileSystem) throws(QueueFailure) {
        var buffer = ByteBuffer(capacity: 64)
        buffer.append(littleEndian: QueueFormat.positionMagic)
        buffer.append(littleEndian: identity)
        buffer.append(littleEndian: acknowledged)
        buffer.append(littleEndian: nextSequence)
        buffer.append(littleEndian: CRC32C.of(buffer.bytes))
        do throws(FileError) { try files.replace(Path.join(directory, Self.fileName), with: buffer.array()) } catch {
            throw .file(error)
        }
    }
}
