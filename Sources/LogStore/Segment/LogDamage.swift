import Bedrock
import LSM
import Model

extension LogSegment {
    /// A damage report for an index section, with what is lost by it.
    func damage(_ section: LogFooter.Section, _ reason: String) -> SegmentDamage {
        let items = "\(section.firstItem) to \(section.firstItem + max(section.itemCount, 1) - 1)"
        let lost =
            switch section.kind {
            case .streams:
                "rows of streams \(items) of \(footer.streamCount), \(Self.span(footer.firstTime, footer.lastTime))"
            case .blocks:
                "blocks \(items) of \(footer.blockCount), within \(Self.span(footer.firstTime, footer.lastTime))"
            case .fields: "structured metadata, \(Self.span(footer.firstTime, footer.lastTime))"
            case .lines: "lines, \(Self.span(footer.firstTime, footer.lastTime))"
            }
        return SegmentDamage(
            object: object.name, block: "\(section.kind.name) \(items)", offset: section.offset, lost: lost,
            reason: reason)
    }

    /// A damage report for a column chunk, with time span and streams lost.
    func damage(_ chunk: BlockEntry.Chunk, block: Int, _ entry: BlockEntry, _ reason: String) -> SegmentDamage {
        let what =
            switch chunk.column {
            case BlockEntry.timeColumn: "times and lines"
            case BlockEntry.lineColumn: "lines"
            default: "a field of the structured metadata"
            }
        return SegmentDamage(
            object: object.name, block: "block \(block), column \(chunk.column)", offset: chunk.offset,
            lost:
                "\(what) of \(entry.rowCount) rows of \(streams(entry)), \(Self.span(entry.firstTime, entry.lastTime))",
            reason: reason)
    }

    private func streams(_ entry: BlockEntry) -> String {
        let labels = try? index().labels
        func name(_ run: BlockEntry.Run) -> String {
            let known = labels.flatMap { $0.indices.contains(Int(run.stream)) ? $0[Int(run.stream)] : nil }
            return known.map { Labels(canonical: $0).description } ?? "number \(run.stream)"
        }
        guard let first = entry.runs.first, let last = entry.runs.last else { return "no stream" }
        if entry.runs.count == 1 { return "the stream \(name(first))" }
        return "\(entry.runs.count) streams, \(name(first)) to \(name(last))"
    }

    static func span(_ first: Int64, _ last: Int64) -> String {
        let range = NanosecondTime.milliseconds(first, through: last)
        return
            "\(UTCTime(milliseconds: range.start).iso8601) to \(UTCTime(milliseconds: range.end).iso8601)"
    }
}
