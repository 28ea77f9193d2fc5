import Bedrock
import LSM
import Model

extension TraceSegment {
    /// Reads and decodes everything.
    public func verify(_ report: (SegmentDamage) -> Void) throws {
        try withoutActuallyEscaping(report) { report in
            let filter = DamageFilter(report)
            try verifyAll(filter.report)
        }
    }

    private func verifyAll(_ report: (SegmentDamage) -> Void) throws {
        func attempt(_ body: () throws -> Void) throws {
            do { try body() } catch let error as SegmentDamage { report(error) }
        }
        let head = try object.bytes(0..<TraceLayout.magic.count)
        if !TraceLayout.magic.elementsEqual(head.bytes) {
            report(
                SegmentDamage(object: object.name, block: "head", offset: 0, lost: "nothing", reason: "magic is wrong"))
        }
        _ = try TraceFooter.read(object, damage: report)
        for kind in TraceLayout.Section.allCases {
            do { try decode(kind, copy: true) { $0.offset = $0.bytes.count } } catch let error as SegmentDamage {
                var damage = error
                damage.lost = "nothing: it is a copy"
                report(damage)
            }
        }
        let index: TraceIndex
        do { index = try readIndex(report) } catch let error as SegmentDamage { return report(error) }
        for number in index.idPages.indices { try attempt { _ = try page(number, index) } }
        for number in index.blocks.indices {
            let block = StoredBlock(self, index, number)
            try attempt { _ = try block.starts() }
            try attempt { _ = try block.spanIDs() }
            try attempt { _ = try block.codes() }
            try attempt { _ = try block.resources() }
            try attempt { _ = try block.scopes() }
            try attempt { _ = try block.mayHave(UnsafeRawBufferPointer(start: nil, count: 0), column: 0) }
            try attempt {
                try block.findValueRows()
                let columns = Set(try block.layouts().lists.joined())
                for column in columns.sorted() { try attempt { _ = try block.column(Int(column)) } }
            }
        }
    }
}
