import Synchronization

/// A handle on a simulated file; dead once the machine has restarted.
final class SimulatedFile: File, @unchecked Sendable {
    let path: String
    /// Guarded by the disk's lock.
    private let node: SimulatedNode
    private let incarnation: Int
    private let system: SimulatedFileSystem
    let holdsLock = Atomic<Bool>(false)

    init(path: String, node: SimulatedNode, incarnation: Int, of system: SimulatedFileSystem) {
        self.path = path
        self.node = node
        self.incarnation = incarnation
        self.system = system
    }

    deinit {
        guard holdsLock.load(ordering: .relaxed) else { return }
        system.disk.withLock { disk in
            if disk.incarnation == incarnation { _ = disk.locks.remove(path) }
        }
    }

    func size() throws(FileError) -> UInt64 {
        try alive("stat") { disk throws(FileError) in UInt64(self.node.size) }
    }

    func status() throws(FileError) -> FileStatus {
        try alive("stat") { disk throws(FileError) in self.node.status }
    }

    func read(at offset: UInt64, into target: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        let bytes = try content(at: Int(clamping: offset), count: target.count)
        target.copyBytes(from: bytes)
        return bytes.count
    }

    func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) {
        let bytes = Array(source)
        try alive("write") { disk throws(FileError) in
            try disk.write(bytes, at: Int(clamping: offset), to: self.node, self.path)
        }
    }

    func sync() throws(FileError) {
        try alive("sync") { disk throws(FileError) in try disk.sync(self.node, self.path) }
    }

    func truncate(to size: UInt64) throws(FileError) {
        try alive("truncate") { disk throws(FileError) in
            try disk.truncate(self.node, to: Int(clamping: size), self.path)
        }
    }

    func map() throws(FileError) -> MappedFile {
        let bytes = try content(at: 0, count: .max)
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        copy.copyBytes(from: bytes)
        return MappedFile(UnsafeRawBufferPointer(copy)) { $0.deallocate() }
    }

    private func content(at offset: Int, count: Int) throws(FileError) -> ArraySlice<UInt8> {
        var (bytes, spoil) = try alive("read") { disk throws(FileError) in
            let all = self.node.content
            let start = min(offset, all.count)
            return (all[start..<start + min(count, all.count - start)], disk.faults.spoilRead)
        }
        switch spoil?(path, offset, bytes.count) {
        case nil: break
        case .short(let missing): bytes.removeLast(min(missing, bytes.count))
        case .flip(let bit):
            if bit / 8 < bytes.count { bytes[bytes.startIndex + bit / 8] ^= 1 << UInt8(bit % 8) }
        case .fail: throw FileError("read", path, .io, text: "made to fail")
        }
        return bytes
    }

    private func alive<R: Sendable>(
        _ operation: String, _ body: (inout SimulatedDisk) throws(FileError) -> R
    ) throws(FileError) -> R {
        let result = system.disk.withLock { disk -> Result<R, FileError> in
            if disk.isDown || disk.incarnation != incarnation {
                return .failure(SimulatedDisk.powerIsOff(operation, path))
            }
            do throws(FileError) { return .success(try body(&disk)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}
