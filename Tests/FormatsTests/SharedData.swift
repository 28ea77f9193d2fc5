import Bedrock
import Glibc

/// The public conformance data, which stands beside the repository and not in it.
enum SharedData {
    static let files = PosixFileSystem()

    /// The environment's `OBS_SHARED`, else `shared` beside the package; nil, with a printed reason, when it isn't there.
    static let root: String? = {
        let package = Path.parent(Path.parent(Path.parent(#filePath)))
        let root = getenv("OBS_SHARED").map { String(cString: $0) } ?? Path.join(Path.parent(package), "shared")
        if (try? files.status(Path.join(root, "conformance"))) != nil { return root }
        print("skipped: no conformance data in \(root); set OBS_SHARED")
        return nil
    }()

    static var isPresent: Bool { root != nil }

    static func read(_ path: String) throws -> [UInt8] { try files.readAll(Path.join(root ?? "", path)) }

    static func list(_ path: String) throws -> [String] { try files.list(Path.join(root ?? "", path)) }

    /// The lines of a file, without empty ones.
    static func lines(_ path: String) throws -> [String] {
        try read(path).split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }
}
