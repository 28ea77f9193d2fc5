import Bedrock
import LogQL
import Model

/// Runs the stages of a tail's query over what is written. One thread at a time.
final class TailFilter: @unchecked Sendable {
    private let pipeline: LogPipeline
    private var stream = ByteBuffer(capacity: 512)
    private var metadata = ByteBuffer(capacity: 512)
    private var parsed = ByteBuffer(capacity: 512)

    /// - Throws: what is wrong with a stage.
    init(_ query: LogQuery) throws(PipelineError) { pipeline = LogPipeline(try LogPipelinePlan(query.stages)) }

    /// Calls `body` with each entry that passes; it is valid within the call.
    func run(_ batch: LogBatch, _ body: (LogEntryView) -> Void) {
        for index in batch.streams.indices {
            let part = batch.streams[index]
            batch.withLabels(index) { labels in
                pipeline.setStream(labels)
                batch.withArena { arena in
                    for row in batch.rows[part.firstRow..<part.firstRow + part.rowCount] {
                        let line = UnsafeRawBufferPointer(
                            rebasing: arena[row.lineOffset..<row.lineOffset + row.lineLength])
                        let stored = UnsafeRawBufferPointer(
                            rebasing: arena[row.metadataOffset..<row.metadataOffset + row.metadataLength])
                        if pipeline.process(timestamp: row.timestamp, line: line, metadata: stored) {
                            body(entry(row.timestamp))
                        }
                    }
                }
            }
        }
    }

    /// What came out of the pipeline.
    private func entry(_ timestamp: Int64) -> LogEntryView {
        stream.clear()
        metadata.clear()
        parsed.clear()
        pipeline.appendLabels(.stream, to: &stream)
        pipeline.appendLabels(.structuredMetadata, to: &metadata)
        pipeline.appendLabels(.parsed, to: &parsed)
        return LogEntryView(
            timestamp: timestamp, line: pipeline.line, stream: stream.bytes, metadata: metadata.bytes,
            parsed: parsed.bytes)
    }
}
