import Bedrock
import Dashboards
import Glibc

/// Dashboards on disk: by path, or by name in some folders.
public struct DashboardLibrary: Sendable {
    public let folders: [String]
    private let files: any FileSystem

    /// Larger files are refused.
    static let bytesMax = 64 << 20

    public init(folders: [String], files: any FileSystem) {
        self.folders = folders
        self.files = files
    }

    /// Where dashboards are looked for when nothing is said: `OBSQ_DASHBOARDS`, `Dashboards` here and beside the build, the user's and
    /// the system's folders.
    public static func standardFolders(executable: String) -> [String] {
        var folders: [String] = []
        if let named = environment("OBSQ_DASHBOARDS") { folders += named.split(separator: ":").map(String.init) }
        folders.append("Dashboards")
        // .build/<configuration>/obsq lies three folders below the package, by its link or in full.
        var above = Path.parent(executable)
        for _ in 0..<4 {
            above = Path.parent(above)
            folders.append(Path.join(above, "Dashboards"))
        }
        if let home = environment("HOME") { folders.append(Path.join(home, ".config/obsq/dashboards")) }
        return folders + ["/usr/local/share/obs/dashboards", "/usr/share/obs/dashboards"]
    }

    /// Names of all dashboards in the folders, sorted.
    public func names() -> [String] {
        var found: Set<String> = []
        for folder in folders {
            for name in (try? files.list(folder)) ?? [] where name.hasSuffix(".json") {
                found.insert(String(name.dropLast(5)))
            }
        }
        return found.sorted()
    }

    /// - Parameter name: a path, or a name with or without `.json`.
    public func load(_ name: String) throws(DashboardProblem) -> Dashboard {
        let path = try find(name)
        let bytes: [UInt8]
        do throws(FileError) { bytes = try files.readAll(path, limit: Self.bytesMax) } catch {
            throw DashboardProblem(path: "", reason: error.description)
        }
        do throws(DashboardProblem) { return try DashboardLoader.load(String(decoding: bytes, as: UTF8.self)) } catch {
            throw DashboardProblem(path: "", reason: path + ": " + error.description)
        }
    }

    private func find(_ name: String) throws(DashboardProblem) -> String {
        let isPath = name.utf8.contains(UInt8(ascii: "/"))
        let candidates =
            (isPath || name.hasSuffix(".json") ? [name] : [])
            + (isPath ? [] : folders.flatMap { [Path.join($0, name + ".json"), Path.join($0, name)] })
        for candidate in candidates {
            if let status = try? files.status(candidate), !status.isDirectory { return candidate }
        }
        let known = names().joined(separator: ", ")
        throw DashboardProblem(
            path: "", reason: "no dashboard \"\(name)\"" + (known.isEmpty ? "" : "; there are: \(known)"))
    }
}

func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
}

enum StandardError {
    static func write(_ text: String) {
        var text = text
        text.withUTF8 { _ = Glibc.write(2, $0.baseAddress, $0.count) }
    }
}
