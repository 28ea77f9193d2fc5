import Bedrock

/// Follows the files of one `file_sd_configs` entry. Not thread-safe.
///
/// A file that can't be read or understood keeps the targets it had; a file that is gone takes its targets along.
final class FileDiscoverer {
    /// How often modification times are looked at. Nanoseconds.
    static let lookInterval: UInt64 = 5_000_000_000

    private struct Known {
        var modified: Int64
        var size: UInt64
        var groups: [TargetGroup]
        var problem: String?
    }

    let configuration: FileDiscovery
    private let files: any FileSystem
    private let log: Logger
    private var known: [String: Known] = [:]
    private var nextLook: UInt64 = 0
    private var nextRead: UInt64 = 0

    init(_ configuration: FileDiscovery, files: any FileSystem, log: Logger) {
        self.configuration = configuration
        self.files = files
        self.log = log
    }

    /// All groups, in the order of the files' names, each with the label `__meta_filepath`.
    var groups: [TargetGroup] {
        known.sorted { $0.key < $1.key }.flatMap { path, file in
            file.groups.map { group in
                TargetGroup(addresses: group.addresses, labels: group.labels + [LabelPair("__meta_filepath", path)])
            }
        }
    }

    /// When to look again, monotonic nanoseconds.
    var due: UInt64 { nextLook }

    /// Looks at the files if it is time to.
    /// - Returns: whether `groups` may have changed.
    func poll(now: UInt64) -> Bool {
        guard now >= nextLook else { return false }
        nextLook = now + Self.lookInterval
        let readsAll = now >= nextRead
        if readsAll { nextRead = now + UInt64(configuration.refreshInterval) * 1_000_000 }
        var changed = false
        var present: Set<String> = []
        for path in paths() {
            guard let status = try? files.status(path), !status.isDirectory else { continue }
            present.insert(path)
            let before = known[path]
            let looksSame = before?.modified == status.modified && before?.size == status.size
            if looksSame && !readsAll { continue }
            changed = read(path, status, before) || changed
        }
        for path in known.keys where !present.contains(path) {
            known[path] = nil
            changed = true
        }
        return changed
    }

    private func read(_ path: String, _ status: FileStatus, _ before: Known?) -> Bool {
        var next = Known(modified: status.modified, size: status.size, groups: before?.groups ?? [], problem: nil)
        do throws(TargetFile.Invalid) { next.groups = try TargetFile.read(path, files) } catch {
            next.problem = error.description
            if before?.problem != error.description {
                log.error(
                    "target file not read, keeping the targets it had", ["file": path, "reason": error.description])
            }
        }
        known[path] = next
        return next.groups != before?.groups
    }

    private func paths() -> Set<String> {
        var result: Set<String> = []
        for pattern in configuration.files {
            guard pattern.contains("*") else {
                result.insert(pattern)
                continue
            }
            let directory = Path.parent(pattern)
            let wanted = Path.name(pattern)
            for name in (try? files.list(directory)) ?? []
            where WildcardText.matches(Array(name.utf8)[...], Array(wanted.utf8)[...]) {
                result.insert(Path.join(directory, name))
            }
        }
        return result
    }
}
