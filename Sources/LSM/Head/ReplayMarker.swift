import Bedrock

/// Notes which record recovery is at, so that one that kills the process again and again can be told and set aside.
///
/// A small file, written before each record and removed when recovery ends, well or by an error. It need not survive the machine, only the
/// process: its writes are not synced.
final class ReplayMarker {
    private static let byteCount = 20

    private let path: String
    private let fileSystem: any FileSystem
    private var file: (any File)?
    /// The record at which earlier recoveries died, and how many of them in a row.
    private let suspect: (offset: UInt64, deaths: UInt64)?

    private let deathsMax: Int

    /// - Parameter deathsMax: in a row at the same record make it deadly; 0: none is.
    init(path: String, deathsMax: Int, fileSystem: any FileSystem) {
        self.path = path
        self.deathsMax = deathsMax
        self.fileSystem = fileSystem
        suspect = Self.read(path, fileSystem)
        file = try? fileSystem.open(path, .readWrite)
    }

    private static func read(_ path: String, _ fileSystem: any FileSystem) -> (offset: UInt64, deaths: UInt64)? {
        guard let bytes = try? fileSystem.readAll(path, limit: 4096), bytes.count >= byteCount else { return nil }
        return bytes.withUnsafeBytes { bytes in
            let checksum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
            guard CRC32C.of(UnsafeRawBufferPointer(rebasing: bytes[..<16])) == checksum else { return nil }
            return (
                offset: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                deaths: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
    }

    /// Whether the record must not be tried again.
    func isDeadly(_ offset: UInt64) -> Bool {
        guard let suspect, deathsMax > 0 else { return false }
        return suspect.offset == offset && suspect.deaths >= UInt64(deathsMax)
    }

    /// About to apply the record: if the process dies now, it will be one death more.
    func begin(_ offset: UInt64) {
        let deaths = suspect.map { $0.offset == offset ? $0.deaths + 1 : 1 } ?? 1
        var bytes = ByteBuffer()
        bytes.append(littleEndian: offset)
        bytes.append(littleEndian: deaths)
        bytes.append(littleEndian: CRC32C.of(bytes.bytes))
        // Best effort: without the marker, recovery works all the same.
        try? file?.write(bytes.bytes, at: 0)
    }

    func finish() {
        file = nil
        try? fileSystem.remove(path)
        // An old marker that comes back after a power cut would accuse the innocent.
        try? fileSystem.syncDirectory(Path.parent(path))
    }
}
