import Bedrock
import LSM
import Model

/// How logs plug into the engine. Stateless but for the cache that all segments opened through it share; thread-safe.
public struct LogFormat: SegmentFormat {
    /// Indexes and dictionaries of open segments.
    public let cache: BlockCache

    public init(cache: BlockCache = BlockCache()) { self.cache = cache }

    public var signal: String { "logs" }
    public var version: Int { LogLayout.version }

    public func mayHold(_ segment: LogSegment, _ tombstone: Tombstone) -> Bool {
        // What can't be read can't be ruled out.
        guard let hide = try? LogHide(tombstone), let index = try? segment.index(), index.isComplete
        else {
            return true
        }
        let matched = segment.streams(tombstone.matchers, index)
        guard matched.count > 0 else { return false }
        let isThere = index.blocks.contains { block in
            hide.overlaps(block.firstTime, through: block.lastTime)
                && block.runs.contains {
                    matched.passes[Int($0.stream)] && hide.overlaps($0.firstTime, through: $0.lastTime)
                }
        }
        guard isThere else { return false }
        return (try? segment.lineDictionary()).map { !$0.compile(hide.filters).isNever } ?? true
    }

    public func check(predicate: String) throws { _ = try PredicateCoding.decode(predicate) }

    public func makeMemtable(after previous: LogMemtable?) -> LogMemtable { LogMemtable() }

    public func open(_ object: any ObjectReader) throws -> LogSegment { try LogSegment(object, cache: cache) }

    public func flush(_ table: LogMemtable, tenant: Tenant, into writer: any ObjectWriter) throws -> SegmentSummary? {
        guard let part = table.streamTable(tenant) else { return nil }
        let pin = table.pin()
        let output = try LogSegmentWriter(writer, tier: 0)
        let order = (0..<part.streams.count).sorted {
            compareLabels(part.streams.pointer($0).pointee.labels, part.streams.pointer($1).pointee.labels) < 0
        }
        var rows: ContiguousArray<LogRowRef> = []
        for number in order {
            let stream = part.streams.pointer(number)
            rows.removeAll(keepingCapacity: true)
            for span in pin.spans(stream, first: .min, last: .max, rowsMax: .max) {
                LogMemtablePin.append(span, to: &rows)
            }
            guard !rows.isEmpty else { continue }
            output.beginStream(stream.pointee.labels)
            for row in rows {
                try output.append(time: row.time, line: row.lineBytes, metadata: row.metadataBytes)
            }
        }
        return try output.finish()
    }

    public func merge(
        _ inputs: [LogSegment], clip: TimeRange, tombstones: [Tombstone], tier: Int, into writer: any ObjectWriter,
        damage: (SegmentDamage) -> Void, yield: () throws -> Void
    ) throws -> SegmentSummary? {
        let output = try LogSegmentWriter(writer, tier: tier)
        try withoutActuallyEscaping(damage) { damage in
            let merge = try LogMerge(inputs, clip: clip, tombstones: tombstones, damage: damage)
            try merge.run(into: output, yield: yield)
        }
        return try output.finish()
    }
}
