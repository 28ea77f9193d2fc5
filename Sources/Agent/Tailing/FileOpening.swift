import Bedrock

/// Opens log files for reading, compressed ones by their content.
struct FileOpening {
    let files: any FileSystem

    static func isCompressed(_ path: String) -> Bool { path.hasSuffix(".gz") || path.hasSuffix(".zst") }

    func open(_ path: String) throws(FileError) -> any File {
        let file = try files.open(path, .read)
        guard Self.isCompressed(path) else { return file }
        return path.hasSuffix(".gz") ? DecompressingFile(file, GzipStream()) : DecompressingFile(file, ZstdStream())
    }

    /// A file of a directory: its path, and what the system says of it.
    struct Sibling {
        var path: String
        var status: FileStatus
        var identity: FileIdentity { FileIdentity(status) }
    }

    /// Files that a rotation of `path` may have left: `app.log.1`, `app.log-20260101.gz`, `app-20260101.log`.
    func siblings(of path: String) -> [Sibling] {
        let directory = Path.parent(path)
        let name = Path.name(path)
        let dot = name.lastIndex(of: ".")
        let stem = dot.map { String(name[..<$0]) } ?? name
        let ending = dot.map { String(name[$0...]) } ?? ""
        let names = (try? files.list(directory)) ?? []
        return names.compactMap { other in
            guard other != name, Self.isRotation(other, of: name, stem, ending) else { return nil }
            let path = Path.join(directory, other)
            guard let status = (try? files.status(path)) ?? nil, status.isRegular else { return nil }
            return Sibling(path: path, status: status)
        }
    }

    private static func isRotation(_ other: String, of name: String, _ stem: String, _ ending: String) -> Bool {
        func follows(_ start: String) -> Bool {
            guard other.hasPrefix(start), let next = other.utf8.dropFirst(start.utf8.count).first else { return false }
            return ".-_".utf8.contains(next)
        }
        if follows(name) { return true }
        return !ending.isEmpty && follows(stem) && (other.hasSuffix(ending) || other.contains(ending + "."))
            && other.utf8.count > name.utf8.count
    }
}
