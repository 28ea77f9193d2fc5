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

        /// In the order in which rotation left them: of one instant, `app.log.10` before `app.log.9`.
        static func isOlder(_ a: Sibling, _ b: Sibling) -> Bool {
            (a.status.modified, b.path.utf8.count, b.path) < (b.status.modified, a.path.utf8.count, a.path)
        }
    }

    /// Files that a rotation of `path` may have left: `app.log.1`, `app.log-20260101.gz`, `app-20260101.log`.
    func siblings(of path: String) -> [Sibling] {
        let directory = Path.parent(path)
        let name = Path.name(path)
        let dot = name.lastIndex(of: ".")
        let stem = dot.map { String(name[..<$0]) } ?? name
        let ending = dot.map { String(name[$0...]) } ?? ""
        // Names move while they are looked at: what one look missed, the next one finds.
        var found: [FileIdentity: Sibling] = [:]
        for _ in 0..<Self.looksMax {
            let before = found.count
            for other in (try? files.list(directory)) ?? [] {
                guard other != name, Self.isRotation(other, of: name, stem, ending) else { continue }
                let path = Path.join(directory, other)
                guard let status = (try? files.status(path)) ?? nil, status.isRegular else { continue }
                found[FileIdentity(status)] = Sibling(path: path, status: status)
            }
            if found.count == before { break }
        }
        return found.values.sorted { $0.path < $1.path }
    }

    private static let looksMax = 8

    /// Opens a file that stood at `path`, or has moved beside `live` since; nil once it is gone.
    func open(_ identity: FileIdentity, at path: String, beside live: String) -> (any File)? {
        var path = path
        for _ in 0..<Self.looksMax {
            if let file = try? open(path), let status = try? file.status(), FileIdentity(status) == identity {
                return file
            }
            guard let moved = siblings(of: live).first(where: { $0.identity == identity }) else { continue }
            path = moved.path
        }
        return nil
    }

    /// Whether `other` is what a rotation of `path` is called: by numbers, dates, `old` or `bak`, and how it is compressed. Less would
    /// take `app-worker.log` for an old `app.log`.
    static func isGeneration(_ other: String, of path: String) -> Bool {
        let name = Path.name(path)
        let dot = name.lastIndex(of: ".")
        let stem = dot.map { name[..<$0] } ?? name[...]
        let ending = dot.map { name[$0...] } ?? ""
        var rest = Path.name(other)[...]
        if rest.hasPrefix(name) {
            rest = rest.dropFirst(name.count)
        } else if !ending.isEmpty, rest.hasPrefix(stem),
            let packed = ["", ".gz", ".zst"].first(where: { rest.hasSuffix(ending + $0) })
        {
            rest = rest.dropFirst(stem.count).dropLast(ending.count + packed.count)
        } else {
            return false
        }
        let words = rest.split { ".-_".contains($0) }
        return !words.isEmpty
            && words.allSatisfy { word in
                ["old", "bak", "gz", "zst"].contains(word)
                    || word.utf8.allSatisfy { $0 &- 48 < 11 || $0 == 84 || $0 == 90 }
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
