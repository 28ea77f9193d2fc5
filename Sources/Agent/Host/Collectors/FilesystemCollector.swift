import Glibc

/// Space and inodes of mounted file systems, by statvfs(3) on every mount that isn't excluded.
///
/// A mount that doesn't answer (a dead NFS server) shows `node_filesystem_device_error 1` and is left alone until it does.
final class FilesystemCollector: HostCollector {
    let name = "filesystem"
    private let mountExclusion: HostExclusion
    private let typeExclusion: HostExclusion
    private let patience: Patience
    private let secondsMax: Double

    /// - Parameter secondsMax: how long one mount may take.
    init(mountExclusion: HostExclusion, typeExclusion: HostExclusion, secondsMax: Double) {
        self.mountExclusion = mountExclusion
        self.typeExclusion = typeExclusion
        self.secondsMax = secondsMax
        patience = Patience()
    }

    private struct Mount: Hashable {
        var device: String
        var point: String
        var type: String
    }

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        var seen: Set<Mount> = []
        for (mount, isReadOnly) in try mounts(host) where seen.insert(mount).inserted {
            measure(mount, isReadOnly: isReadOnly, host, &out)
        }
    }

    private func mounts(_ host: HostPaths) throws(HostError) -> [(Mount, isReadOnly: Bool)] {
        // Process 1 sees the machine's mounts even when this process lives in a namespace of its own.
        let text: KernelText
        if let first = try? KernelText(host.proc + "/1/mounts") {
            text = first
        } else {
            text = try KernelText(host.proc + "/self/mounts")
        }
        var result: [(Mount, isReadOnly: Bool)] = []
        text.forEachLine { line in
            guard let device = line.field(), let point = line.field(), let type = line.field(),
                let options = line.field()
            else { return }
            let mount = Mount(device: Self.unescaped(device), point: Self.unescaped(point), type: type)
            if mountExclusion.matches(mount.point) || typeExclusion.matches(type) { return }
            result.append((mount, options.split(separator: ",").contains("ro")))
        }
        return result
    }

    private func measure(_ mount: Mount, isReadOnly: Bool, _ host: HostPaths, _ out: inout HostSamples) {
        let labels: KeyValuePairs<StaticString, String> = [
            "device": mount.device, "fstype": mount.type, "mountpoint": mount.point,
        ]
        let path = host.root == "/" ? mount.point : host.root + mount.point
        let numbers = patience.run(key: path, seconds: secondsMax) { Self.statistics(path) } ?? nil
        out.gauge(
            "node_filesystem_device_error",
            "Whether an error occurred while getting statistics for the given device.", numbers == nil ? 1 : 0, labels)
        guard let numbers else { return }
        out.gauge("node_filesystem_size_bytes", "Filesystem size in bytes.", numbers.size, labels)
        out.gauge("node_filesystem_free_bytes", "Filesystem free space in bytes.", numbers.free, labels)
        out.gauge(
            "node_filesystem_avail_bytes", "Filesystem space available to non-root users in bytes.", numbers.available,
            labels)
        out.gauge("node_filesystem_files", "Filesystem total file nodes.", numbers.files, labels)
        out.gauge("node_filesystem_files_free", "Filesystem total free file nodes.", numbers.filesFree, labels)
        out.gauge("node_filesystem_readonly", "Filesystem read-only status.", isReadOnly ? 1 : 0, labels)
    }

    private struct Statistics: Sendable {
        var size, free, available, files, filesFree: Double
    }

    private static func statistics(_ path: String) -> Statistics? {
        var s = statvfs()
        guard statvfs(path, &s) == 0 else { return nil }
        let block = Double(s.f_frsize)
        return Statistics(
            size: Double(s.f_blocks) * block, free: Double(s.f_bfree) * block, available: Double(s.f_bavail) * block,
            files: Double(s.f_files), filesFree: Double(s.f_ffree))
    }

    /// The kernel writes blanks, tabs, line ends and backslashes of names as `\ooo`.
    static func unescaped(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "\\")) else { return text }
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var i = 0
        while i < bytes.count {
            if bytes[i] == UInt8(ascii: "\\"), i + 3 < bytes.count,
                let code = UInt8(String(decoding: bytes[(i + 1)...(i + 3)], as: UTF8.self), radix: 8)
            {
                result.append(code)
                i += 4
            } else {
                result.append(bytes[i])
                i += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
