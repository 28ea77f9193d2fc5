import Bedrock
import LSM
import Model

extension MetricSegment {
    /// Whether there is any exemplar at all; most segments have none.
    var hasExemplars: Bool { directory.blockCount(.exemplars) > 0 }

    /// What the directory says of an exemplar block.
    func exemplarKey(_ position: Int) throws -> ExemplarBlock.Key {
        do throws(DecodeError) {
            return try ExemplarBlock.Key(directory.blocks[position].key)
        } catch {
            throw damage(position, "key: \(error)")
        }
    }

    /// Adds the exemplars of a series inside the range. Damaged blocks are left out and told to `damage`.
    func addExemplars(
        _ series: Int, in range: TimeRange, to set: inout ExemplarSet, damage report: (SegmentDamage) -> Void
    ) throws {
        try forEachExemplarBlock(in: range, damage: report) { key, position in
            guard key.series.contains(series) else { return }
            let block = try exemplarBlock(position)
            for at in block.exemplars(of: series) {
                if let exemplar = block.exemplar(at, in: range) { set.add(exemplar) }
            }
        }
    }

    /// Ordinals of series that may have exemplars in the range, ascending.
    func seriesWithExemplars(in range: TimeRange, damage report: (SegmentDamage) -> Void) throws -> [UInt32] {
        var found: Set<UInt32> = []
        try forEachExemplarBlock(in: range, damage: report) { _, position in
            found.formUnion(try exemplarBlock(position).series)
        }
        return found.sorted()
    }

    private func forEachExemplarBlock(
        in range: TimeRange, damage report: (SegmentDamage) -> Void, _ body: (ExemplarBlock.Key, Int) throws -> Void
    ) throws {
        for number in 0..<directory.blockCount(.exemplars) {
            do {
                let position = directory.position(.exemplars, number)
                let key = try exemplarKey(position)
                if key.times.overlaps(range) { try body(key, position) }
            } catch let error as SegmentDamage {
                report(error)
            }
        }
    }
}
