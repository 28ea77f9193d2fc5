import Foundation
import Testing

/// The shared conformance data, which lives outside the repository.
enum Conformance {
    /// nil where it is absent; tests that need it are skipped then.
    static let folder: URL? = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let shared =
            ProcessInfo.processInfo.environment["OBS_SHARED"].map { URL(fileURLWithPath: $0) }
            ?? root.deletingLastPathComponent().appendingPathComponent("shared")
        let folder = shared.appendingPathComponent("conformance")
        return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
    }()

    static var isPresent: Bool { folder != nil }
    static let absence: Comment = "conformance data not found; set OBS_SHARED to its folder"

    /// The objects of a JSON-lines file.
    static func rows(_ path: String) throws -> [[String: Any]] {
        guard let folder else { return [] }
        let text = try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
        return try text.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
    }
}
