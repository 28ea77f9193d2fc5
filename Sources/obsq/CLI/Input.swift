import Bedrock
import Glibc

/// Files and standard input of commands.
enum Input {
    /// The bytes of a file, or of standard input for `-`.
    static func read(_ path: String, limit: Int = 256 << 20) throws -> [UInt8] {
        if path == "-" { return try standardInput(limit: limit) }
        do {
            return try PosixFileSystem().readAll(path, limit: limit)
        } catch {
            throw Failure("\(error)", .usage)
        }
    }

    /// What messages call it.
    static func name(_ path: String) -> String { path == "-" ? "<stdin>" : path }

    private static func standardInput(limit: Int) throws -> [UInt8] {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let n = Glibc.read(STDIN_FILENO, &chunk, chunk.count)
            if n < 0 && errno == EINTR { continue }
            if n <= 0 { break }
            all.append(contentsOf: chunk[..<n])
            if all.count > limit { throw Failure("standard input is over \(limit) bytes", .usage) }
        }
        return all
    }

    /// Lines of a text, without a last empty one.
    static func lines(_ bytes: [UInt8]) -> [String] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { String(decoding: $0, as: UTF8.self) }
    }
}
