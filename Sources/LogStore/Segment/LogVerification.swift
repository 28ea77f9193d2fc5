import Bedrock
import LSM
import Model

extension LogSegment {
    /// Reads and decodes everything.
    public func verify(_ report: (SegmentDamage) -> Void) throws {
        try withoutActuallyEscaping(report) { report in
            let filter = DamageFilter(report)
            try verifyAll(filter.report)
        }
    }

    private func verifyAll(_ report: (SegmentDamage) -> Void) throws {
        let head = try object.bytes(0..<LogLayout.magic.count)
        if !LogLayout.magic.elementsEqual(head.bytes) {
            report(
                SegmentDamage(object: object.name, block: "head", offset: 0, lost: "nothing", reason: "magic is wrong"))
        }
        _ = try LogFooter.read(object, damage: report)
        let index = try readIndex()
        for damage in index.damages { report(damage) }
        for section in footer.sections where section.copyOffset > 0 {
            do { _ = try bytes(of: section, at: section.copyOffset) } catch let error as SegmentDamage {
                var damage = error
                damage.block += ", copy"
                damage.offset = section.copyOffset
                damage.lost = "nothing: it is a copy"
                report(damage)
            }
        }
        for section in footer.sections where section.kind == .lines {
            do { _ = try bytes(of: section, at: section.offset) } catch let error as SegmentDamage { report(error) }
        }
        do { _ = try lineDictionary() } catch let error as SegmentDamage { report(error) }
        for position in index.blocks.indices {
            let block = SegmentBlock(self, index, position)
            try block.verify(report)
        }
    }
}

extension SegmentBlock {
    /// Decodes every column; reports each that is damaged.
    func verify(_ report: (SegmentDamage) -> Void) throws {
        func attempt(_ body: () throws -> Void) throws {
            do { try body() } catch let error as SegmentDamage { report(error) }
        }
        try attempt { _ = try times() }
        try attempt { _ = try lineLengths() }
        try attempt {
            let lines = LineArena(capacity: 64 << 10)
            let rows = (0..<Int32(truncatingIfNeeded: rowCount)).map { $0 }
            try rows.withUnsafeBufferPointer { try readLines($0, into: lines) }
        }
        _ = try fields(damage: report)
    }
}
