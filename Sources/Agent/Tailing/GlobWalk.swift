import Bedrock

/// Finds the regular files that patterns name. Links are followed; a directory is entered once, however many links lead to it.
struct GlobWalk {
    private static let depthMax = 32

    let files: any FileSystem
    private(set) var found: [String: FileStatus] = [:]
    /// Directories whose listing decided something, for watching.
    private(set) var directories: Set<String> = []
    /// What couldn't be listed.
    private(set) var problems: [String] = []
    private var entered: Set<FileIdentity> = []

    init(_ files: any FileSystem) { self.files = files }

    mutating func walk(_ pattern: GlobPattern) {
        for parts in pattern.alternatives {
            entered = []
            walk("/", parts[...], 0)
        }
    }

    private mutating func walk(_ directory: String, _ parts: ArraySlice<GlobPattern.Part>, _ depth: Int) {
        guard let part = parts.first, depth < Self.depthMax else { return }
        let rest = parts.dropFirst()
        if case .literal(let name) = part {
            let path = Path.join(directory, name)
            if rest.isEmpty { directories.insert(directory) }
            guard let status = (try? files.status(path)) ?? nil else { return }
            take(path, status, rest, depth)
            return
        }
        directories.insert(directory)
        let names: [String]
        do throws(FileError) { names = try files.list(directory) } catch {
            if error.reason != .notFound { problems.append(error.description) }
            return
        }
        for name in names {
            let path = Path.join(directory, name)
            let fits = part != .anyDepth && GlobPattern.matches(name: Array(name.utf8), part)
            guard part == .anyDepth || fits, let status = (try? files.status(path)) ?? nil else { continue }
            if part == .anyDepth {
                // Any number of parts: none of them, this one being what comes next, or this one and more.
                if let next = rest.first, next != .anyDepth, GlobPattern.matches(name: Array(name.utf8), next) {
                    take(path, status, rest.dropFirst(), depth)
                }
                if status.isDirectory, entered.insert(FileIdentity(status)).inserted { walk(path, parts, depth + 1) }
            } else {
                take(path, status, rest, depth)
            }
        }
    }

    private mutating func take(
        _ path: String, _ status: FileStatus, _ rest: ArraySlice<GlobPattern.Part>, _ depth: Int
    ) {
        if rest.isEmpty {
            if status.isRegular { found[path] = status }
        } else if status.isDirectory {
            walk(path, rest, depth + 1)
        }
    }
}
