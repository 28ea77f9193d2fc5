/// The file-system seam: everything the house stores goes through one of these, passed in.
///
/// Durability follows POSIX's worst reading: file content is durable after `sync()` of the file; a created, renamed or removed
/// *name* is durable only after `syncDirectory` of its parent. The simulated file system forgets whatever was not synced.
/// Thread-safe.
public protocol FileSystem: Sendable {
    /// Opens a file. Paths are plain strings with `/`.
    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File
    /// Creates a directory and its missing parents; no error when it exists.
    func createDirectory(_ path: String) throws(FileError)
    /// Names (not paths) in a directory, sorted, without `.` and `..`.
    func list(_ directory: String) throws(FileError) -> [String]
    /// Size in bytes, and whether it is a directory; nil when there is nothing at `path`.
    func status(_ path: String) throws(FileError) -> FileStatus?
    /// Removes a file or an empty directory; no error when it is missing.
    func remove(_ path: String) throws(FileError)
    /// Atomically replaces `target` with `source`.
    func rename(_ source: String, to target: String) throws(FileError)
    /// Makes the names in a directory durable.
    func syncDirectory(_ path: String) throws(FileError)
    /// Bytes free for this process, and the size of the file system that holds `path`.
    func space(_ path: String) throws(FileError) -> (available: UInt64, total: UInt64)
    /// Takes an exclusive advisory lock on a file, created if missing, held until the returned file is closed.
    /// - Throws: `.locked` when another process holds it.
    func lock(_ path: String) throws(FileError) -> any File
}

public enum OpenMode: Sendable {
    /// Existing file, reads only.
    case read
    /// Reads and writes; created when missing, content kept.
    case readWrite
    /// Reads and writes; must not exist yet.
    case createNew
}

public struct FileStatus: Equatable, Sendable {
    public var size: UInt64
    public var isDirectory: Bool
    /// Last modification, milliseconds since the Unix epoch.
    public var modified: Int64
    /// With `inode`, which file this is, whatever its name; a number may come back once its file is gone.
    public var device: UInt64
    public var inode: UInt64
    /// Neither a directory nor a pipe, socket or device.
    public var isRegular: Bool

    public init(
        size: UInt64, isDirectory: Bool, modified: Int64 = 0, device: UInt64 = 0, inode: UInt64 = 0,
        isRegular: Bool? = nil
    ) {
        self.size = size
        self.isDirectory = isDirectory
        self.modified = modified
        self.device = device
        self.inode = inode
        self.isRegular = isRegular ?? !isDirectory
    }
}

/// An open file. Positioned reads may run in parallel; writes come from one thread at a time. Closed when released.
public protocol File: AnyObject, Sendable {
    var path: String { get }
    func size() throws(FileError) -> UInt64
    /// What the open file is now, whatever became of its name.
    func status() throws(FileError) -> FileStatus
    /// Fills as much of `target` as the file has from `offset` on; returns the number of bytes.
    func read(at offset: UInt64, into target: UnsafeMutableRawBufferPointer) throws(FileError) -> Int
    /// Writes all of `source` at `offset`. After an error any part of it may be there.
    func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError)
    /// Makes content and size durable. After an error nothing may be assumed of what was written since the last success:
    /// the caller must not retry the sync, but write again elsewhere (the kernel may have dropped the pages).
    func sync() throws(FileError)
    func truncate(to size: UInt64) throws(FileError)
    /// Maps the whole file read-only (or copies it, where mapping is not possible). The bytes live as long as the mapping.
    func map() throws(FileError) -> MappedFile
}

/// Read-only bytes of a whole file, unmapped when released. Thread-safe.
public final class MappedFile: @unchecked Sendable {
    public let bytes: UnsafeRawBufferPointer
    private let release: @Sendable (UnsafeRawBufferPointer) -> Void

    public init(_ bytes: UnsafeRawBufferPointer, release: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) {
        self.bytes = bytes
        self.release = release
    }

    deinit { release(bytes) }
}

/// A failed file operation: what was tried, on which path, and why.
public struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Reason: Equatable, Sendable {
        case notFound
        case exists
        case full
        case denied
        case locked
        case io
        case other
    }

    public let operation: String
    public let path: String
    public let reason: Reason
    /// errno, or 0 in the simulation.
    public let code: Int32
    public let text: String

    public init(_ operation: String, _ path: String, _ reason: Reason, code: Int32 = 0, text: String) {
        self.operation = operation
        self.path = path
        self.reason = reason
        self.code = code
        self.text = text
    }

    public var description: String { "cannot \(operation) \(path): \(text)" }
}

extension FileSystem {
    /// The whole file, for small ones; `limit` bounds its size.
    public func readAll(_ path: String, limit: Int = 64 << 20) throws(FileError) -> [UInt8] {
        let file = try open(path, .read)
        let size = try file.size()
        guard size <= UInt64(limit) else {
            throw FileError("read", path, .other, text: "\(size) bytes is over the limit of \(limit)")
        }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        var filled = 0
        while filled < bytes.count {
            var failure: FileError?
            let got = bytes.withUnsafeMutableBytes { buffer -> Int in
                do throws(FileError) {
                    return try file.read(
                        at: UInt64(filled), into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            if got == 0 { break }
            filled += got
        }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }

    /// Writes a small file so that after a crash either the old or the new content is there, whole:
    /// temporary file, sync, rename, sync of the directory.
    public func replace(_ path: String, with bytes: [UInt8]) throws(FileError) {
        let temporary = path + ".tmp"
        try remove(temporary)
        let file = try open(temporary, .createNew)
        var failure: FileError?
        bytes.withUnsafeBytes { buffer in
            do throws(FileError) { try file.write(buffer, at: 0) } catch { failure = error }
        }
        if let failure { throw failure }
        try file.sync()
        try rename(temporary, to: path)
        try syncDirectory(Path.parent(path))
    }
}

/// Plain string paths.
public enum Path {
    public static func join(_ a: String, _ b: String) -> String { a.hasSuffix("/") ? a + b : a + "/" + b }

    /// The directory part; "." when there is none.
    public static func parent(_ path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The part behind the last slash.
    public static func name(_ path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return String(path[path.utf8.index(after: slash)...])
    }
}
