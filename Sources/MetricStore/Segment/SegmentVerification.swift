import Bedrock
import LSM
import Model

extension MetricSegment {
    /// Reads and decodes everything. Chunks are decoded by their directories; pages that no directory leads to are read all the same.
    public func verify(_ report: (SegmentDamage) -> Void) throws {
        let head = try object.bytes(0..<SegmentLayout.magic.count)
        if !SegmentLayout.magic.elementsEqual(head.bytes) {
            report(
                SegmentDamage(object: object.name, block: "head", offset: 0, lost: "nothing", reason: "magic is wrong"))
        }
        for position in directory.blocks.indices {
            do {
                switch directory.blocks[position].kind {
                case .chunkPage, .histogramPage: _ = try bytes(position)
                case .chunkDirectory: try verifyGroup(try chunkDirectory(position), report)
                case .timestamps: try verifyTimestamps(position)
                case .symbols: _ = try symbols(position)
                case .series: _ = try seriesBlock(position)
                case .postings: try verifyPostings(position)
                case .metadata: _ = try bytes(position)
                case .exemplars: try verifyExemplars(position)
                }
            } catch let error as SegmentDamage {
                report(error)
            }
        }
        do { _ = try metadata() } catch let error as SegmentDamage { report(error) }
    }

    private func verifyGroup(_ group: ChunkDirectory, _ report: (SegmentDamage) -> Void) throws {
        let memo = TimestampMemo()
        let buffer = RowBuffer()
        for series in group.firstSeries..<group.firstSeries + group.count {
            buffer.clear()
            // A page with a wrong checksum is reported on its own.
            try appendRows(series, in: .everything, memo: memo, to: buffer) {
                if !$0.reason.hasPrefix("checksum") { report($0) }
            }
            _ = try histograms(series, in: .everything) { if !$0.reason.hasPrefix("checksum") { report($0) } }
        }
    }

    private func verifyExemplars(_ position: Int) throws {
        let key = exemplarKeys[directory.blocks[position].number]
        let block = try exemplarBlock(position)
        for at in block.series.indices {
            guard key.series.contains(Int(block.series[at])), block.exemplar(at, in: key.times) != nil else {
                throw damage(position, "exemplar \(at) lies outside of what the directory says")
            }
        }
    }

    private func verifyTimestamps(_ position: Int) throws {
        let memo = TimestampMemo()
        for column in directory.blocks[position].items { _ = try memo.column(UInt32(column), of: self) }
    }

    private func verifyPostings(_ position: Int) throws {
        let block = try postings(position)
        for pair in 0..<block.count {
            let set = OrdinalSet()
            do throws(DecodeError) {
                try block.add(pair, to: set)
                guard set.count == Int(block.counts[pair]) else { throw DecodeError("wrong series count", at: 0) }
            } catch {
                throw damage(position, "pair \(pair): \(error)")
            }
        }
    }

    /// A damage report for a block of this segment, with what is lost by it.
    func damage(_ position: Int, _ reason: String) -> SegmentDamage {
        let block = directory.blocks[position]
        return SegmentDamage(
            object: object.name, block: "\(block.kind.name) \(block.number)", offset: block.offset, lost: loss(block),
            reason: reason)
    }

    private func loss(_ block: SegmentDirectory.Block) -> String {
        let span = Self.span(summary.timeRange)
        switch block.kind {
        case .chunkPage: return pageLoss(block)
        case .histogramPage: return "native histograms in \(block.itemCount) chunks, within \(span)"
        case .chunkDirectory: return "rows of \(describe(block.items)), \(span)"
        case .timestamps:
            return "rows with \(block.itemCount) of \(directory.itemCount(.timestamps)) schedules, within \(span)"
        case .symbols:
            return "series with \(block.itemCount) of \(directory.itemCount(.symbols)) names and values, \(span)"
        case .series:
            return "\(block.itemCount) series, numbers \(block.firstItem) to \(block.items.upperBound - 1), \(span)"
        case .postings: return "nothing: series are searched one by one instead"
        case .exemplars: return "\(block.itemCount) exemplars, within \(span)"
        case .metadata: return "type, help and unit of \(block.itemCount) metric families"
        }
    }

    /// Which series and minutes a page of chunks held.
    private func pageLoss(_ block: SegmentDirectory.Block) -> String {
        var series: Range<Int>?
        var times = TimeRange(.max, .min)
        for number in 0..<directory.blockCount(.chunkDirectory) {
            guard let group = try? chunkDirectory(directory.position(.chunkDirectory, number)) else { continue }
            let lost = block.items.clamped(to: group.firstChunk..<group.firstChunk + group.chunks.count)
            guard !lost.isEmpty else { continue }
            for one in group.firstSeries..<group.firstSeries + group.count {
                let own = group.chunks(of: one)
                guard own.lowerBound + group.firstChunk < lost.upperBound,
                    own.upperBound + group.firstChunk > lost.lowerBound,
                    !own.isEmpty
                else { continue }
                series = (series?.lowerBound ?? one)..<one + 1
            }
            for at in lost {
                guard let column = try? timestampColumn(group.chunks[at - group.firstChunk].column) else { continue }
                times = TimeRange(min(times.start, column.first), max(times.end, column.last))
            }
        }
        guard let series else { return "\(block.itemCount) chunks, within \(Self.span(summary.timeRange))" }
        return "rows of \(describe(series)), \(Self.span(times.isEmpty ? summary.timeRange : times))"
    }

    private func describe(_ series: Range<Int>) -> String {
        let name = { (series: Int) in (try? self.labels(series))?.description ?? "number \(series)" }
        if series.count == 1 { return "the series \(name(series.lowerBound))" }
        return "\(series.count) series, \(name(series.lowerBound)) to \(name(series.upperBound - 1))"
    }

    private static func span(_ range: TimeRange) -> String {
        let (length, overflows) = range.end.subtractingReportingOverflow(range.start)
        let minutes = overflows ? "all" : "\(max(1, length / 60_000 + (length % 60_000 > 0 ? 1 : 0)))"
        return
            "\(UTCTime(milliseconds: range.start).iso8601) to \(UTCTime(milliseconds: range.end).iso8601) (\(minutes) min)"
    }
}
