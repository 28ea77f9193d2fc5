import Bedrock
import ConformanceKit
import LogQL
import Model
import Testing

/// `stages.jsonl`: one stage applied to one line.
@Suite struct StageConformanceTests {
    @Test(.enabled(if: Conformance.isPresent, Comment(rawValue: Conformance.absence))) func everyStageCasePasses()
        throws
    {
        let cases = try Conformance.rows("logql/stages.jsonl")
        #expect(cases.count == 131)
        for (number, row) in cases.enumerated() {
            let stage = try #require(row["stage"] as? String)
            // The table ran all its label_format cases on this line, which the file lacks.
            let line = try stage.hasPrefix("| label_format") ? "test line" : #require(row["line"] as? String)
            let note: Comment = "case \(number + 1): \(stage) on \(line)"
            guard case .log(let query) = try LogQLParser.parse("{a=\"b\"} \(stage)") else {
                Issue.record(note)
                continue
            }
            let pipeline = LogPipeline(try LogPipelinePlan(query.stages))
            let result = pipeline.run(
                line, stream: labels(row["labels"]), metadata: labels(row["structured_metadata"]),
                timestamp: (row["timestamp_ns"] as? Int).map(Int64.init) ?? 1_661_518_453_000_000_000)
            let wanted = try #require(row["want_labels"] as? [String: String])
            #expect(result?.labels == wanted, note)
            if let line = row["want_line"] as? String { #expect(result?.line == line, note) }
        }
    }

    /// Empty values stay, other than in `Labels(_:)`.
    private func labels(_ value: Any?) -> Labels {
        var buffer = ByteBuffer()
        for (name, value) in (value as? [String: String] ?? [:]).sorted(by: { $0.key < $1.key }) {
            buffer.append(prefixed: name)
            buffer.append(prefixed: value)
        }
        return Labels(canonical: buffer.bytes)
    }
}

/// What came out of a pipeline, as strings.
struct PipelineRow: Equatable {
    var line: String
    var labels: [String: String] = [:]
    var categories: [String: LabelCategory] = [:]
}

extension LogPipeline {
    /// One row through the pipeline; nil when it is dropped.
    func run(
        _ line: String, stream: Labels = .empty, metadata: Labels = .empty, timestamp: Int64 = 0
    ) -> PipelineRow? {
        run(Array(line.utf8), stream: stream, metadata: metadata, timestamp: timestamp)
    }

    func run(
        _ line: [UInt8], stream: Labels = .empty, metadata: Labels = .empty, timestamp: Int64 = 0
    ) -> PipelineRow? {
        stream.storage.withUnsafeBytes { setStream($0) }
        return metadata.storage.withUnsafeBytes { metadata in
            line.withUnsafeBytes { line -> PipelineRow? in
                guard process(timestamp: timestamp, line: line, metadata: metadata) else { return nil }
                var row = PipelineRow(line: String(decoding: self.line, as: UTF8.self))
                forEachLabel { name, value, category in
                    let name = String(decoding: name, as: UTF8.self)
                    row.labels[name] = String(decoding: value, as: UTF8.self)
                    row.categories[name] = category
                }
                return row
            }
        }
    }
}

extension Labels: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, String)...) { self.init(elements.map { Label($0.0, $0.1) }) }
}
