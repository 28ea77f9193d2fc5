import Bedrock

/// Chunk summaries of a group of series, as columns that leave out what follows from the rest.
///
/// ```
/// ┌──────────────────┬───────────────────────────────────────────────────────────────────────────────┐
/// │ flags: integer   │ value columns, each a varint length and bytes (0: no rows): first, last, min, │
/// │ column           │ max, sum, resets; each of the chunks whose flags don't make it superfluous    │
/// └──────────────────┴───────────────────────────────────────────────────────────────────────────────┘
/// ```
enum SummaryColumns {
    private enum Flag {
        static let none: Int64 = 1
        /// All rows are `first`; their sum is, by definition here, its product with their number.
        static let constant: Int64 = 2
        static let minIsFirst: Int64 = 4
        static let maxIsLast: Int64 = 8
        static let resets: Int64 = 16
    }

    static func encode(
        _ summaries: [ChunkSummary?], scratch: ColumnScratch, into target: inout ByteBuffer
    ) {
        guard !summaries.isEmpty else { return }
        let flags = summaries.map(flags)
        scratch.reserve(flags.count)
        IntegerColumn.encode(flags, count: flags.count, scratch: scratch, into: &target)
        var columns = [[Double]](repeating: [], count: 6)
        for (flag, summary) in zip(flags, summaries) {
            guard let summary else { continue }
            columns[0].append(summary.first)
            if flag & Flag.constant != 0 { continue }
            columns[1].append(summary.last)
            if flag & Flag.minIsFirst == 0 { columns[2].append(summary.min) }
            if flag & Flag.maxIsLast == 0 { columns[3].append(summary.max) }
            columns[4].append(summary.sum)
            if flag & Flag.resets != 0 { columns[5].append(summary.resets) }
        }
        var bytes = ByteBuffer()
        for column in columns {
            bytes.clear()
            if !column.isEmpty { ValueColumn.encode(column, count: column.count, scratch: scratch, into: &bytes) }
            target.append(prefixed: bytes.bytes)
        }
    }

    private static func flags(_ summary: ChunkSummary?) -> Int64 {
        guard let summary else { return Flag.none }
        let bits = summary.first.bitPattern
        if summary.last.bitPattern == bits, summary.min.bitPattern == bits, summary.max.bitPattern == bits,
            summary.resets == 0
        {
            return Flag.constant
        }
        return (summary.min.bitPattern == bits ? Flag.minIsFirst : 0)
            | (summary.max.bitPattern == summary.last.bitPattern ? Flag.maxIsLast : 0)
            | (summary.resets != 0 ? Flag.resets : 0)
    }

    /// - Parameter counts: rows of each chunk.
    static func decode(
        _ reader: inout ByteReader, counts: [Int]
    ) throws(DecodeError) -> [ChunkSummary?] {
        guard !counts.isEmpty else { return [] }
        let flags = try IntegerColumn.decodeArray(&reader, count: counts.count)
        let used = flags.filter { $0 & Flag.none == 0 }
        let varying = used.filter { $0 & Flag.constant == 0 }
        let first = try column(&reader, used.count)
        let last = try column(&reader, varying.count)
        let min = try column(&reader, varying.count { $0 & Flag.minIsFirst == 0 })
        let max = try column(&reader, varying.count { $0 & Flag.maxIsLast == 0 })
        let sum = try column(&reader, varying.count)
        let resets = try column(&reader, varying.count { $0 & Flag.resets != 0 })
        var at = (used: 0, varying: 0, min: 0, max: 0, resets: 0)
        var result: [ChunkSummary?] = []
        result.reserveCapacity(counts.count)
        for (row, flag) in flags.enumerated() {
            guard flag & Flag.none == 0 else {
                result.append(nil)
                continue
            }
            let value = first[at.used]
            at.used += 1
            if flag & Flag.constant != 0 {
                result.append(
                    ChunkSummary(
                        first: value, last: value, min: value, max: value, sum: value * Double(counts[row]), resets: 0))
                continue
            }
            var summary = ChunkSummary(
                first: value, last: last[at.varying], min: value, max: last[at.varying], sum: sum[at.varying], resets: 0
            )
            at.varying += 1
            if flag & Flag.minIsFirst == 0 {
                summary.min = min[at.min]
                at.min += 1
            }
            if flag & Flag.maxIsLast == 0 {
                summary.max = max[at.max]
                at.max += 1
            }
            if flag & Flag.resets != 0 {
                summary.resets = resets[at.resets]
                at.resets += 1
            }
            result.append(summary)
        }
        return result
    }

    private static func column(_ reader: inout ByteReader, _ count: Int) throws(DecodeError) -> [Double] {
        let bytes = try reader.prefixed()
        guard count > 0 else { return [] }
        var failure: DecodeError?
        let values = [Double](unsafeUninitializedCapacity: count) { buffer, used in
            guard let base = buffer.baseAddress else { return }
            base.initialize(repeating: 0, count: count)
            used = count
            do throws(DecodeError) {
                try ValueColumn.decode(bytes, count: count, into: base)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return values
    }
}
