import Bedrock
import Formats
import Model

/// A file of target groups, as `file_sd_configs` name them: `[{"targets": ["host:port"], "labels": {"a": "b"}}]` in JSON or YAML.
enum TargetFile {
    /// What is wrong with a file.
    struct Invalid: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    static let bytesMax = 16 << 20

    /// The groups in the file at `path`.
    static func read(_ path: String, _ files: any FileSystem) throws(Invalid) -> [TargetGroup] {
        let bytes: [UInt8]
        do throws(FileError) { bytes = try files.readAll(path, limit: bytesMax) } catch {
            throw Invalid(description: error.description)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        return path.hasSuffix(".json") ? try json(text, path) : try yaml(text, path)
    }

    private static func yaml(_ text: String, _ path: String) throws(Invalid) -> [TargetGroup] {
        do throws(YAMLReader.Problems) {
            return try YAMLReader.read(text, file: path) { root in
                (root.list ?? []).enumerated().compactMap { index, item in
                    item.mapping("[\(index)]") { keys in
                        TargetGroup(
                            addresses: keys["targets"]?.strings ?? [],
                            labels: (keys["labels"]?.stringPairs ?? []).map { LabelPair($0.key, $0.value) })
                    }
                }
            }
        } catch {
            throw Invalid(description: error.description)
        }
    }

    private static func json(_ text: String, _ path: String) throws(Invalid) -> [TargetGroup] {
        let root: JSONValue
        do throws(JSONError) { root = try JSONValue(parsing: text) } catch {
            throw Invalid(description: "\(path):\(error)")
        }
        return try groups(root, path)
    }

    /// The groups of a document in this form; `path` is what complaints call it.
    static func groups(_ root: JSONValue, _ path: String) throws(Invalid) -> [TargetGroup] {
        guard let items = root.array else { throw Invalid(description: "\(path): expected a list of target groups") }
        var groups: [TargetGroup] = []
        for (index, item) in items.enumerated() {
            guard let members = item.object?.members else {
                throw Invalid(description: "\(path): [\(index)] is no object with targets and labels")
            }
            var group = TargetGroup(addresses: [])
            for member in members {
                switch member.key {
                case "targets":
                    let addresses = member.value.array?.compactMap(\.string)
                    guard let addresses, addresses.count == member.value.array?.count else {
                        throw Invalid(description: "\(path): [\(index)].targets is no list of texts")
                    }
                    group.addresses = addresses
                case "labels": group.labels = try labels(member.value, "\(path): [\(index)].labels")
                default:
                    let hint = Suggestion.hint(member.key, in: ["targets", "labels"])
                    throw Invalid(description: "\(path): unknown key \"\(member.key)\" in [\(index)]\(hint)")
                }
            }
            groups.append(group)
        }
        return groups
    }

    private static func labels(_ value: JSONValue, _ place: String) throws(Invalid) -> [LabelPair] {
        guard let members = value.object?.members else { throw Invalid(description: "\(place) is no object") }
        var result: [LabelPair] = []
        for member in members {
            guard let text = member.value.string else {
                throw Invalid(description: "\(place): \"\(member.key)\" is no text")
            }
            result.append(LabelPair(member.key, text))
        }
        return result
    }
}
