import Bedrock
import Formats
import Model

/// `labels`, `structured_metadata`: values that stages took out become labels of the stream, or metadata of the entry.
final class AssignStage: LogStage {
    private let pairs: [Label]
    private let toMetadata: Bool

    /// - Parameter pairs: the label, and the value's name.
    init(_ pairs: [Label], toMetadata: Bool) {
        self.pairs = pairs
        self.toMetadata = toMetadata
    }

    func process(_ entry: inout LogEntry) -> StageOutcome {
        for pair in pairs {
            guard let value = entry.extracted[pair.value] else { continue }
            if toMetadata { entry.metadata.set(pair.name, value) } else { entry.labels.set(pair.name, value) }
        }
        return .pass
    }
}

/// `static_labels`, `labeldrop`, `labelallow`.
final class LabelEditStage: LogStage {
    enum Edit: Equatable, Sendable {
        case set([Label])
        case drop(Set<String>)
        case allow(Set<String>)
    }

    private let edit: Edit

    init(_ edit: Edit) { self.edit = edit }

    func process(_ entry: inout LogEntry) -> StageOutcome {
        switch edit {
        case .set(let labels): for label in labels { entry.labels.set(label.name, label.value) }
        case .drop(let names): for name in names { entry.labels.remove(name) }
        case .allow(let names):
            for label in entry.labels.list where !names.contains(label.name) { entry.labels.remove(label.name) }
        }
        return .pass
    }
}

/// `output`: a value becomes the line.
final class OutputStage: LogStage {
    private let source: String

    init(source: String) { self.source = source }

    func process(_ entry: inout LogEntry) -> StageOutcome {
        if let value = entry.extracted[source] { entry.line = Array(value.utf8) }
        return .pass
    }
}

/// `tenant`: whose line it is.
final class TenantStage: LogStage {
    enum From: Equatable, Sendable {
        case extracted(String)
        case label(String)
        case value(String)
    }

    private let from: From

    init(_ from: From) { self.from = from }

    func process(_ entry: inout LogEntry) -> StageOutcome {
        let name: String? =
            switch from {
            case .extracted(let source): entry.extracted[source]
            case .label(let label): entry.labels[label]
            case .value(let text): text
            }
        if let name, Self.isName(name) { entry.tenant = name }
        return .pass
    }

    /// As receivers take it.
    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 150 && text != "." && text != ".."
            && text.utf8.allSatisfy { ($0 | 0x20) &- 97 < 26 || $0 &- 48 < 10 || "!-_.*'()".utf8.contains($0) }
    }
}

/// `pack`: labels and values move into the line, as a JSON object with the line under `_entry`, which LogQL's `unpack` undoes.
final class PackStage: LogStage {
    private let names: [String]
    private let stampsAnew: Bool
    private let clock: any ClockSource

    init(_ names: [String], stampsAnew: Bool, clock: any ClockSource) {
        self.names = names
        self.stampsAnew = stampsAnew
        self.clock = clock
    }

    func process(_ entry: inout LogEntry) -> StageOutcome {
        var members: [(key: String, value: JSONValue)] = []
        for name in names.sorted(by: utf8Precedes) {
            if let value = entry.labels[name] ?? entry.extracted[name] { members.append((name, .string(value))) }
            entry.labels.remove(name)
        }
        members.append(("_entry", .string(entry.text)))
        entry.line = Array(JSONValue.object(JSONObject(members)).text.utf8)
        if stampsAnew { entry.timestamp = max(entry.timestamp, clock.now() &* 1_000_000) }
        return .pass
    }
}
