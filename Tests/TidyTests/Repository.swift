import Foundation

/// The checkout these tests were built from.
struct Repository {
    let root: URL

    init() {
        root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    }

    struct SourceFile {
        let path: String
        let lines: [Substring]
    }

    /// Swift files below a folder of the checkout.
    func swiftFiles(_ folder: String) throws -> [SourceFile] {
        let base = root.appendingPathComponent(folder)
        let walker = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil)
        var files: [SourceFile] = []
        while let url = walker?.nextObject() as? URL {
            guard url.pathExtension == "swift" else { continue }
            let text = try String(contentsOf: url, encoding: .utf8)
            files.append(
                SourceFile(
                    path: String(url.path.dropFirst(root.path.count + 1)),
                    lines: text.split(separator: "\n", omittingEmptySubsequences: false)))
        }
        return files.sorted { $0.path < $1.path }
    }
}
