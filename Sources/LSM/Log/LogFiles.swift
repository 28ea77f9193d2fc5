import Bedrock

/// One file of a log, by its name: the offset of its first record.
struct LogFile {
    var firstOffset: UInt64
    var path: String
    var byteCount: Int

    /// Twenty digits, so that names sort as offsets do.
    static func name(_ firstOffset: UInt64) -> String {
        let digits = String(firstOffset)
        return String(repeating: "0", count: 20 - digits.utf8.count) + digits + ".log"
    }

    /// The log files in a directory, in order.
    static func list(_ directory: String, _ fileSystem: any FileSystem) throws(FileError) -> [LogFile] {
        var files: [LogFile] = []
        for name in try fileSystem.list(directory) where name.hasSuffix(".log") {
            guard let first = UInt64(name.dropLast(4)), first > 0 else { continue }
            let path = Path.join(directory, name)
            let size = try fileSystem.status(path)?.size ?? 0
            files.append(LogFile(firstOffset: first, path: path, byteCount: Int(clamping: size)))
        }
        return files.sorted { $0.firstOffset < $1.firstOffset }
    }
}
