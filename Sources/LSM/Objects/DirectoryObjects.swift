import Bedrock

/// Writes `<path>.tmp` through a buffer; `finish` syncs, renames, and syncs the directory.
final class DirectoryObjectWriter: ObjectWriter {
    static let temporarySuffix = ".tmp"
    private static let bufferBytes = 256 << 10

    private let path: String
    private let fileSystem: any FileSystem
    private var file: (any File)?
    private var buffer = ByteBuffer(capacity: 4096)
    private var written = 0

    init(path: String, fileSystem: any FileSystem) throws(FileError) {
        self.path = path
        self.fileSystem = fileSystem
        try fileSystem.remove(path + Self.temporarySuffix)
        file = try fileSystem.open(path + Self.temporarySuffix, .createNew)
    }

    deinit {
        guard file != nil else { return }
        file = nil
        // Best effort: the sweep of reserved names removes it, too.
        try? fileSystem.remove(path + Self.temporarySuffix)
    }

    var count: Int { written + buffer.count }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        buffer.append(bytes)
        if buffer.count >= Self.bufferBytes { try writeBuffer() }
    }

    func finish() throws {
        try writeBuffer()
        guard let file else { return }
        try file.sync()
        try fileSystem.rename(path + Self.temporarySuffix, to: path)
        self.file = nil
        try fileSystem.syncDirectory(Path.parent(path))
    }

    private func writeBuffer() throws {
        guard let file, !buffer.isEmpty else { return }
        try file.write(buffer.bytes, at: UInt64(written))
        written += buffer.count
        buffer.clear()
    }
}

/// A mapped object. Unlinking the file leaves the mapping valid.
final class DirectoryObjectReader: ObjectReader {
    let name: String
    private let mapped: MappedFile

    init(name: String, mapped: MappedFile) {
        self.name = name
        self.mapped = mapped
    }

    var size: Int { mapped.bytes.count }

    func bytes(_ range: Range<Int>) throws -> ObjectBytes {
        guard range.lowerBound >= 0, range.upperBound <= size else {
            throw ObjectStoreError.outOfRange(object: name, range: range, size: size)
        }
        return ObjectBytes(UnsafeRawBufferPointer(rebasing: mapped.bytes[range]), owner: mapped)
    }
}
