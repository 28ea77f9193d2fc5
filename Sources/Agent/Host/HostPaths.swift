/// Where the kernel's pseudo file systems are mounted. Tests and containers point them elsewhere.
public struct HostPaths: Sendable, Equatable {
    /// `/proc`, or where the host's is mounted.
    public var proc: String
    /// `/sys`.
    public var sys: String
    /// The root of the host's files, in front of `/etc/os-release` and of every mount point that is measured.
    public var root: String
    /// udev's database, for the names of disks.
    public var udev: String

    public init(proc: String = "/proc", sys: String = "/sys", root: String = "/", udev: String = "/run/udev/data") {
        self.proc = proc
        self.sys = sys
        self.root = root
        self.udev = udev
    }
}
