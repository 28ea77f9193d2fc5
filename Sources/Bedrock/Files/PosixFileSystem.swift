import CLinux
import Glibc

/// The operating system's files. Stateless and thread-safe.
public struct PosixFileSystem: FileSystem {
    public init() {}

    public func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        let flags: Int32 =
            switch mode {
            case .read: O_RDONLY
            case .readWrite: O_RDWR | O_CREAT
            case .createNew: O_RDWR | O_CREAT | O_EXCL
            }
        let fd = Glibc.open(path, flags | O_CLOEXEC, 0o640)
        guard fd >= 0 else { throw FileError.posix("open", path) }
        return PosixFile(path: path, descriptor: fd)
    }

    public func createDirectory(_ path: String) throws(FileError) {
        if path.isEmpty || mkdir(path, 0o750) == 0 { return }
        switch errno {
        case EEXIST: return
        case ENOENT:
            try createDirectory(Path.parent(path))
            if mkdir(path, 0o750) != 0 && errno != EEXIST { throw FileError.posix("create", path) }
        default: throw FileError.posix("create", path)
        }
    }

    public func list(_ directory: String) throws(FileError) -> [String] {
        guard let stream = opendir(directory) else { throw FileError.posix("list", directory) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    public func status(_ path: String) throws(FileError) -> FileStatus? {
        var s = stat()
        guard stat(path, &s) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw FileError.posix("stat", path)
        }
        return FileStatus(s)
    }

    public func remove(_ path: String) throws(FileError) {
        if Glibc.remove(path) != 0 && errno != ENOENT { throw FileError.posix("remove", path) }
    }

    public func rename(_ source: String, to target: String) throws(FileError) {
        if Glibc.rename(source, target) != 0 { throw FileError.posix("rename", source) }
    }

    public func syncDirectory(_ path: String) throws(FileError) {
        let fd = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard fd >= 0 else { throw FileError.posix("open", path) }
        defer { close(fd) }
        if fsync(fd) != 0 { throw FileError.posix("sync", path) }
    }

    public func space(_ path: String) throws(FileError) -> (available: UInt64, total: UInt64) {
        var available: UInt64 = 0
        var total: UInt64 = 0
        let status = clinux_disk_space(path, &available, &total)
        if status != 0 { throw FileError.posix("stat", path, code: -status) }
        return (available, total)
    }

    public func lock(_ path: String) throws(FileError) -> any File {
        let file = try open(path, .readWrite)
        guard let posix = file as? PosixFile else { return file }
        let status = clinux_lock(posix.descriptor)
        if status == -EWOULDBLOCK {
            throw FileError("lock", path, .locked, code: -status, text: "another process holds it")
        }
        if status != 0 { throw FileError.posix("lock", path, code: -status) }
        return file
    }
}

/// A file descriptor, closed when released.
final class PosixFile: File {
    let path: String
    let descriptor: Int32

    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    func size() throws(FileError) -> UInt64 {
        var s = stat()
        guard fstat(descriptor, &s) == 0 else { throw FileError.posix("stat", path) }
        return UInt64(s.st_size)
    }

    func status() throws(FileError) -> FileStatus {
        var s = stat()
        guard fstat(descriptor, &s) == 0 else { throw FileError.posix("stat", path) }
        return FileStatus(s)
    }

    func read(at offset: UInt64, into target: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        var filled = 0
        while filled < target.count {
            let got = pread(
                descriptor, target.baseAddress.map { $0 + filled }, target.count - filled, off_t(offset) + off_t(filled)
            )
            if got < 0 {
                if errno == EINTR { continue }
                throw FileError.posix("read", path)
            }
            if got == 0 { break }
            filled += got
        }
        return filled
    }

    func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) {
        var written = 0
        while written < source.count {
            let put = pwrite(
                descriptor, source.baseAddress.map { $0 + written }, source.count - written,
                off_t(offset) + off_t(written))
            if put < 0 {
                if errno == EINTR { continue }
                throw FileError.posix("write", path)
            }
            written += put
        }
    }

    func sync() throws(FileError) {
        while fdatasync(descriptor) != 0 {
            if errno != EINTR { throw FileError.posix("sync", path) }
        }
    }

    func truncate(to size: UInt64) throws(FileError) {
        while ftruncate(descriptor, off_t(size)) != 0 {
            if errno != EINTR { throw FileError.posix("truncate", path) }
        }
    }

    func map() throws(FileError) -> MappedFile {
        let length = Int(try size())
        if length == 0 { return MappedFile(UnsafeRawBufferPointer(start: nil, count: 0)) { _ in } }
        let start = mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0)
        guard let start, start != MAP_FAILED else { throw FileError.posix("map", path) }
        return MappedFile(UnsafeRawBufferPointer(start: start, count: length)) { bytes in
            munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
        }
    }
}

extension FileStatus {
    fileprivate init(_ s: stat) {
        self.init(
            size: UInt64(clamping: s.st_size), isDirectory: s.st_mode & S_IFMT == S_IFDIR,
            modified: Int64(s.st_mtim.tv_sec) * 1000 + Int64(s.st_mtim.tv_nsec) / 1_000_000,
            device: UInt64(s.st_dev), inode: UInt64(s.st_ino), isRegular: s.st_mode & S_IFMT == S_IFREG)
    }
}

extension FileError {
    /// From errno (or `code`).
    static func posix(_ operation: String, _ path: String, code: Int32 = errno) -> FileError {
        let reason: Reason =
            switch code {
            case ENOENT, ENOTDIR: .notFound
            case EEXIST: .exists
            case ENOSPC, EDQUOT: .full
            case EACCES, EPERM, EROFS: .denied
            case EIO: .io
            default: .other
            }
        return FileError(operation, path, reason, code: code, text: String(cString: strerror(code)))
    }
}
