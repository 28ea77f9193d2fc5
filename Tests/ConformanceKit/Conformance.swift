import Foundation

/// The shared conformance data, which lives outside the repository.
public enum Conformance {
    /// nil where it is absent; tests that need it are skipped then.
    public static let folder: URL? = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let shared =
            ProcessInfo.processInfo.environment["OBS_SHARED"].map { URL(fileURLWithPath: $0) }
            ?? root.deletingLastPathComponent().appendingPathComponent("shared")
        let folder = shared.appendingPathComponent("conformance")
        return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
    }()

    public static var isPresent: Bool { folder != nil }
    /// Why tests are skipped then.
    public static let absence = "conformance data not found; set OBS_SHARED to its folder"

    /// The objects of a JSON-lines file.
    public static func rows(_ path: String) throws -> [[String: Any]] {
        guard let folder else { return [] }
        let text = try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
        return try text.split(separator: "\n").map { line in
            guard let row = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
                throw CocoaError(.coderReadCorrupt)
            }
            return row
        }
    }
}
