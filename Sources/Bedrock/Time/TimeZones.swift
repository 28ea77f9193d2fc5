import Synchronization

/// The zones of the system's database, each read once. Thread-safe.
public final class TimeZones: Sendable {
    private let files: any FileSystem
    private let folder: String
    private let known = Mutex<[String: TimeZone]>([:])

    /// Zones that are kept.
    private static let countMax = 1024

    /// Of this machine.
    public static let system = TimeZones(files: PosixFileSystem(), folder: "/usr/share/zoneinfo")

    public init(files: any FileSystem, folder: String) {
        self.files = files
        self.folder = folder
    }

    /// The zone called `name`, such as `Europe/Berlin`; nil when the database has none. `UTC`, `Local` and an empty name are UTC, whatever the
    /// machine is set to, so that queries don't depend on where they run.
    public func zone(_ name: String) -> TimeZone? {
        if name.isEmpty || name == "UTC" || name == "Local" { return .utc }
        if let zone = known.withLock({ $0[name] }) { return zone }
        let isPlain = name.utf8.allSatisfy {
            ($0 | 0x20) &- 97 < 26 || $0 &- 48 < 10
                || [UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+")].contains($0)
        }
        guard isPlain, !name.hasPrefix("/"), name.utf8.count < 64,
            let bytes = try? files.readAll(Path.join(folder, name), limit: 1 << 20),
            let zone = TimeZone(compiled: bytes)
        else { return nil }
        known.withLock { if $0.count < Self.countMax { $0[name] = zone } }
        return zone
    }
}
