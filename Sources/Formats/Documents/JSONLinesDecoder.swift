import Bedrock
import Model

/// Decodes JSON documents, one a line, into batches, as VictoriaLogs' `insert/jsonline` takes them. Reuse one per thread. Not thread-safe.
public struct JSONLinesDecoder: ~Copyable {
    private var reader: DocumentReader

    public init(options: LogDecodeOptions = LogDecodeOptions()) { reader = DocumentReader(options: options) }

    /// Appends the documents to `batch`; bad ones are left out and counted.
    ///
    /// - Parameter arrival: time of documents that have none, in nanoseconds.
    /// - Throws: when a per-request limit is passed; clear the batch then.
    public mutating func decode(
        _ body: UnsafeRawBufferPointer, fields: DocumentFields = .jsonLines, arrival: Int64, into batch: LogBatch
    ) throws(LogDecodeError) -> LogDecodeReport {
        reader.beginRequest(fields: fields, arrival: arrival)
        var rest = body
        while let line = rest.popLine() {
            if line.isBlank { continue }
            _ = reader.add(line, to: batch)
            try reader.rows.checkLimits()
        }
        reader.rows.finishSelecting(batch)
        return reader.rows.report
    }
}
