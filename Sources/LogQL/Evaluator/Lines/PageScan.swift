import Bedrock
import Model

/// One part's contribution to a page: its first rows in page order, at most one more than the page holds.
struct PageScan {
    private static let batchRows = 512

    private let reader: PageReader
    private let number: Int
    /// The last row of a page that is full already.
    private let worst: PageRow?

    init(_ reader: PageReader, _ number: Int, _ worst: PageRow?) {
        self.reader = reader
        self.number = number
        self.worst = worst
    }

    func rows() throws -> [PageRow] {
        let part = try reader.part(number)
        let candidates = try candidates(part)
        let wanted = reader.limit + 1
        if reader.isPlain { return Array(candidates.prefix(wanted)) }
        let pipeline = PagePipeline(reader)
        var kept: [PageRow] = []
        var start = 0
        while start < candidates.count && kept.count < wanted {
            try reader.context.cancellation.check()
            let batch = candidates[start..<min(candidates.count, start + Self.batchRows)]
            start += batch.count
            kept += try pipeline.process(Array(batch), part)
        }
        return Array(kept.prefix(wanted))
    }

    /// The part's rows in page order, from the cursor on. Without a pipeline only as many as can be on the page.
    private func candidates(_ part: PagePart) throws -> [PageRow] {
        var found: [PageRow] = []
        for (run, rows) in part.runs {
            let hash = reader.hashes[run.stream]
            var added = 0
            let order = reader.direction == .forward ? Array(rows.indices) : rows.indices.reversed()
            for index in order {
                let row = PageRow(
                    time: part.times[Int(rows[index])], stream: run.stream, hash: hash, part: number, row: rows[index])
                guard try isBehindCursor(row) else { continue }
                if let worst, !reader.precedes(row, worst) { break }
                found.append(row)
                added += 1
                if reader.isPlain && added > reader.limit { break }
            }
        }
        return found.sorted(by: reader.precedes)
    }

    private func isBehindCursor(_ row: PageRow) throws -> Bool {
        guard let after = reader.after, row.time == after.timestamp else { return true }
        let isForward = reader.direction == .forward
        if row.hash != after.stream { return isForward ? after.stream < row.hash : row.hash < after.stream }
        let ordinal = try reader.ordinal(row.stream, row.time, part: number, row: row.row)
        return isForward ? ordinal > after.ordinal : ordinal < after.ordinal
    }
}

/// Takes rows of a part through the stages.
struct PagePipeline {
    private let reader: PageReader
    private let pipeline: LogPipeline
    private let lines = LineArena()
    private let metadata = LineArena()

    init(_ reader: PageReader) {
        self.reader = reader
        pipeline = LogPipeline(reader.plan)
    }

    /// The rows that the pipeline keeps, in the order of `rows`.
    func process(_ rows: [PageRow], _ part: PagePart) throws -> [PageRow] {
        // Blocks read ascending rows; rows of one stream then stand together.
        let ascending = rows.indices.sorted { rows[$0].row < rows[$1].row }
        let wanted = ascending.map { rows[$0].row }
        lines.clear()
        metadata.clear()
        let hasMetadata = part.block.hasMetadata
        try wanted.withUnsafeBufferPointer {
            try part.block.readLines($0, into: lines)
            if hasMetadata { try part.block.readMetadata($0, into: metadata) }
        }
        var entries = [LogEntry?](repeating: nil, count: rows.count)
        var stream = -1
        for (index, place) in ascending.enumerated() {
            let row = rows[place]
            if row.stream != stream {
                stream = row.stream
                reader.selection.streams[stream].storage.withUnsafeBytes { pipeline.setStream($0) }
            }
            let isKept = pipeline.process(
                timestamp: row.time, line: lines[index],
                metadata: hasMetadata ? metadata[index] : UnsafeRawBufferPointer(start: nil, count: 0))
            if isKept { entries[place] = entry(row) }
        }
        var kept: [PageRow] = []
        for (index, entry) in entries.enumerated() {
            guard let entry else { continue }
            var row = rows[index]
            row.entry = entry
            kept.append(row)
        }
        return kept
    }

    private func entry(_ row: PageRow) -> LogEntry {
        LogEntry(
            timestamp: row.time, line: Array(pipeline.line),
            stream: pipeline.hasAllStreamLabels ? reader.selection.streams[row.stream] : labels(.stream),
            metadata: labels(.structuredMetadata), parsed: labels(.parsed))
    }

    private func labels(_ categories: LabelCategories) -> Labels {
        var buffer = ByteBuffer(capacity: 128)
        pipeline.appendLabels(categories, to: &buffer)
        return buffer.count == 0 ? .empty : Labels(canonical: buffer.bytes)
    }
}
