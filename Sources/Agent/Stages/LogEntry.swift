import Bedrock
import LogQL
import Model

/// A line on its way from its source to the queue.
struct LogEntry {
    /// Nanoseconds since the epoch.
    var timestamp: Int64
    var line: [UInt8]
    /// Of the stream.
    var labels: LabelsBuilder
    /// Structured metadata.
    var metadata = LabelsBuilder()
    /// What stages took out of the line, for later ones; promtail's "extracted map".
    var extracted: [String: String] = [:]
    var tenant: String
    /// Where it stands in its source; several places once lines were joined.
    var spans: [Range<UInt64>] = []

    var text: String { String(decoding: line, as: UTF8.self) }

    /// The value of a name that stages took out, or of a label; nil `source`: the line.
    func value(_ source: String?) -> String? {
        guard let source else { return text }
        return extracted[source] ?? labels[source]
    }
}

/// What a stage made of an entry.
enum StageOutcome {
    case pass
    /// It goes, counted under this reason.
    case drop(String)
    /// The stage keeps it until more come.
    case held
    /// These take its place.
    case several([LogEntry])
}

/// One stage of a pipeline, with its state for one source. Stepped by one thread.
protocol LogStage: AnyObject {
    func process(_ entry: inout LogEntry) -> StageOutcome
    /// Where in the source the entries stand that it keeps.
    var heldSpans: [Range<UInt64>] { get }
    /// What it kept long enough, or all it kept.
    /// - Parameter now: monotonic nanoseconds.
    func flush(now: UInt64, all: Bool) -> [LogEntry]
    /// When to ask for that; nil while it keeps nothing.
    var due: UInt64? { get }
}

extension LogStage {
    var heldSpans: [Range<UInt64>] { [] }
    func flush(now: UInt64, all: Bool) -> [LogEntry] { [] }
    var due: UInt64? { nil }
}

/// Stages in a row. Stepped by one thread.
final class StageChain {
    private let stages: [any LogStage]
    private let dropped: (String) -> Void

    /// - Parameter dropped: told the reason of each entry that a stage drops.
    init(_ stages: [any LogStage], dropped: @escaping (String) -> Void) {
        self.stages = stages
        self.dropped = dropped
    }

    func run(_ entry: LogEntry, from first: Int = 0, _ emit: (LogEntry) -> Void) {
        var entry = entry
        var index = first
        while index < stages.count {
            switch stages[index].process(&entry) {
            case .pass: index += 1
            case .drop(let reason):
                dropped(reason)
                return
            case .held: return
            case .several(let entries):
                for next in entries { run(next, from: index + 1, emit) }
                return
            }
        }
        emit(entry)
    }

    /// Lets go of what stages kept long enough, or all of it.
    func flush(now: UInt64, all: Bool, _ emit: (LogEntry) -> Void) {
        for (index, stage) in stages.enumerated() {
            for entry in stage.flush(now: now, all: all) { run(entry, from: index + 1, emit) }
        }
    }

    var heldSpans: [Range<UInt64>] { stages.flatMap(\.heldSpans) }
    var due: UInt64? { stages.compactMap(\.due).min() }
}

/// What stages are made with.
struct StageContext {
    var clock: any ClockSource
    var dropped: (String) -> Void
}
