/// Reads settings out of a YAML file and gathers everything that is wrong, so that a person sees all of it at once.
///
///     let config = try YAMLReader.read(text, file: path) { root in
///         root.mapping { keys in
///             keys.require("job_name")
///             return Job(name: keys["job_name"]?.string ?? "", interval: keys["scrape_interval"]?.duration ?? 15_000)
///         }
///     }
///
/// Accessors give nil for what is absent or null, and for what is wrong after noting it; `read` then throws whatever was noted.
/// Keys that the code never asked for are unknown, and noted with the nearest known one. Not thread-safe.
public final class YAMLReader {
    /// Everything wrong in one file, in the order of the file.
    public struct Problems: Error, Equatable, Sendable, CustomStringConvertible {
        public let list: [YAMLError]

        public init(_ list: [YAMLError]) { self.list = list }

        /// One line each.
        public var description: String { list.map(\.description).joined(separator: "\n") }
    }

    public let file: String
    public private(set) var problems: [YAMLError] = []

    public init(file: String) { self.file = file }

    /// Parses `text`, hands its root to `body`, and throws if either had something to note.
    public static func read<T>(
        _ text: String, file: String, limits: YAMLLimits = YAMLLimits(), _ body: (YAMLValue) -> T
    ) throws(Problems) -> T {
        let reader = YAMLReader(file: file)
        let root: YAMLNode
        do throws(YAMLError) { root = try YAMLNode(parsing: text, file: file, limits: limits) } catch {
            throw Problems([error])
        }
        let result = body(YAMLValue(root, reader))
        try reader.check()
        return result
    }

    /// Notes a problem.
    public func note(_ reason: String, at position: TextPosition) {
        problems.append(YAMLError(reason, file: file, at: position))
    }

    /// Throws when anything was noted.
    public func check() throws(Problems) {
        guard !problems.isEmpty else { return }
        throw Problems(
            problems.sorted { ($0.position.line, $0.position.column) < ($1.position.line, $1.position.column) })
    }
}
