import Bedrock
import Synchronization

/// The embedded `ObjectStore`: one file an object, below a root directory. Reads are mapped.
public final class DirectoryStore: ObjectStore {
    private let root: String
    private let fileSystem: any FileSystem
    /// Directories whose names are known to be durable.
    private let directories = Mutex<Set<String>>([])

    public init(root: String, fileSystem: any FileSystem) throws(FileError) {
        self.root = root
        self.fileSystem = fileSystem
        try fileSystem.createDirectoryDurably(root)
    }

    public func create(_ name: String) throws -> any ObjectWriter {
        let path = try path(of: name)
        try makeDirectory(Path.parent(path))
        return try DirectoryObjectWriter(path: path, fileSystem: fileSystem)
    }

    public func open(_ name: String) throws -> any ObjectReader {
        DirectoryObjectReader(name: name, mapped: try fileSystem.open(try path(of: name), .read).map())
    }

    public func list(_ prefix: String) throws -> [String] {
        var names: [String] = []
        var waiting = [""]
        while let directory = waiting.popLast() {
            for entry in try fileSystem.list(directory.isEmpty ? root : Path.join(root, directory)) {
                let name = directory.isEmpty ? entry : Path.join(directory, entry)
                if try fileSystem.status(Path.join(root, name))?.isDirectory ?? false {
                    if name.hasPrefix(prefix) || prefix.hasPrefix(name + "/") { waiting.append(name) }
                } else if name.hasPrefix(prefix) && !name.hasSuffix(DirectoryObjectWriter.temporarySuffix) {
                    names.append(name)
                }
            }
        }
        return names.sorted()
    }

    public func delete(_ name: String) throws {
        let path = try path(of: name)
        try fileSystem.remove(path)
        try fileSystem.remove(path + DirectoryObjectWriter.temporarySuffix)
        // A name that comes back after a crash would belong to nobody.
        do throws(FileError) { try fileSystem.syncDirectory(Path.parent(path)) } catch  where error.reason == .notFound
        {}
    }

    /// Names come from the catalog; one that would leave the root is refused all the same.
    private func path(of name: String) throws(ObjectStoreError) -> String {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        if parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) { throw .badName(name) }
        return Path.join(root, name)
    }

    private func makeDirectory(_ path: String) throws(FileError) {
        if directories.withLock({ $0.contains(path) }) { return }
        try fileSystem.createDirectoryDurably(path)
        directories.withLock { _ = $0.insert(path) }
    }
}

/// Why an object could not be written or read.
public enum ObjectStoreError: Error, Equatable, Sendable, CustomStringConvertible {
    case badName(String)
    case outOfRange(object: String, range: Range<Int>, size: Int)

    public var description: String {
        switch self {
        case .badName(let name): "\(name) is not a name of an object"
        case .outOfRange(let object, let range, let size):
            "\(object) has \(size) bytes, \(range.lowerBound) to \(range.upperBound) were wanted"
        }
    }
}
