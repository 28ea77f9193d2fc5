import Bedrock
import Configuration
import Glibc

/// The configuration file of a running server: read at start, and again when told or when it changes.
struct ConfigurationFile {
    let path: String?
    private let flags: FlagParser
    private let files = PosixFileSystem()
    private var seen: FileStatus?

    init(_ flags: FlagParser) {
        self.flags = flags
        path = flags.extras["--config"]
        seen = status
    }

    /// - Throws: everything wrong with it, in an operator's words.
    mutating func load() throws -> ServerConfiguration {
        seen = status
        var text: String?
        if let path { text = String(decoding: try files.readAll(path, limit: 16 << 20), as: UTF8.self) }
        return try ServerConfiguration.load(
            text: text, file: path ?? "", environment: Self.environment, flags: flags.settings)
    }

    /// Whether the file is another one than at the last `load`.
    var hasChanged: Bool { status != seen }

    private var status: FileStatus? {
        guard let path else { return nil }
        return (try? files.status(path)) ?? nil
    }

    private static var environment: [String: String] {
        var found: [String: String] = [:]
        for setting in SettingsTable.all {
            if let value = getenv(setting.variable) { found[setting.variable] = String(cString: value) }
        }
        return found
    }
}
