import Bedrock
import LogQL
import Model

/// Stages of LogQL at work on an agent's entries: parsers, filters and templates are the same there and here. Not thread-safe.
final class QueryProgram {
    private let pipeline: LogPipeline

    init(_ plan: LogPipelinePlan) {
        pipeline = LogPipeline(plan)
        pipeline.setStream(UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// Runs over a line with labels to refer to.
    /// - Returns: whether it passes.
    func run(_ line: [UInt8], _ labels: Labels = .empty, timestamp: Int64 = 0, _ body: (LogPipeline) -> Void = { _ in })
        -> Bool
    {
        line.withUnsafeBytes { text in
            labels.storage.withUnsafeBytes { raw in
                guard pipeline.process(timestamp: timestamp, line: text, metadata: raw) else { return false }
                body(pipeline)
                return true
            }
        }
    }

    /// What parsers take out of `line`; nil when they call it damaged.
    func extract(_ line: [UInt8]) -> [String: String]? {
        var found: [String: String] = [:]
        var isDamaged = false
        _ = run(line) { pipeline in
            isDamaged = pipeline.error != nil
            pipeline.forEachLabel { name, value, category in
                guard category == .parsed else { return }
                found[String(decoding: name, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
            }
        }
        found["__error__"] = nil
        found["__error_details__"] = nil
        return isDamaged ? nil : found
    }

    /// What a template makes; nil when it fails.
    func format(_ values: [String: String], timestamp: Int64 = 0) -> [UInt8]? {
        var result: [UInt8]?
        let labels = Labels(values.map { Label($0.key, $0.value) })
        _ = run([], labels, timestamp: timestamp) { if $0.error == nil { result = Array($0.line) } }
        return result
    }
}
