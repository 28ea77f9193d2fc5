import Bedrock

/// The head files of one shard: `<first offset>-<part>.head`, one or more parts a memtable.
struct HeadFile: Equatable {
    var firstOffset: UInt64
    var part: Int
    var path: String

    static func path(_ directory: String, firstOffset: UInt64, part: Int) -> String {
        let digits = String(firstOffset)
        let name = String(repeating: "0", count: 20 - digits.utf8.count) + digits
        return Path.join(directory, "\(name)-\(part).head")
    }

    /// By memtable, then part.
    static func list(_ directory: String, _ fileSystem: any FileSystem) throws(FileError) -> [HeadFile] {
        var files: [HeadFile] = []
        for name in try fileSystem.list(directory) where name.hasSuffix(".head") {
            let numbers = name.dropLast(5).split(separator: "-")
            guard numbers.count == 2, let first = UInt64(numbers[0]), let part = Int(numbers[1]) else { continue }
            files.append(HeadFile(firstOffset: first, part: part, path: Path.join(directory, name)))
        }
        return files.sorted { ($0.firstOffset, $0.part) < ($1.firstOffset, $1.part) }
    }

    /// The parts of each memtable whose records are not committed, oldest memtable first.
    static func groups(
        _ directory: String, after committed: UInt64, _ fileSystem: any FileSystem
    ) throws(FileError) -> [(firstOffset: UInt64, files: [HeadFile])] {
        var groups: [(firstOffset: UInt64, files: [HeadFile])] = []
        for file in try list(directory, fileSystem) where file.firstOffset > committed {
            if groups.last?.firstOffset == file.firstOffset {
                groups[groups.count - 1].files.append(file)
            } else {
                groups.append((firstOffset: file.firstOffset, files: [file]))
            }
        }
        return groups
    }
}
