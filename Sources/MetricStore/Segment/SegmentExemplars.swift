import Bedrock
import LSM
import Model

extension MetricSegment {
    /// Whether there is any exemplar at all; most segments have none.
    var hasExemplars: Bool { !exemplarKeys.isEmpty }

    /// What the directory says of the exemplar blocks, which stand in the order of their series.
    static func exemplarKeys(_ directory: SegmentDirectory, _ object: any ObjectReader) throws -> [ExemplarBlock.Key] {
        var keys: [ExemplarBlock.Key] = []
        for number in 0..<directory.blockCount(.exemplars) {
            let block = directory.blocks[directory.position(.exemplars, number)]
            func damage(_ reason: String) -> SegmentDamage {
                SegmentDamage(
                    object: object.name, block: "directory", offset: block.offset, lost: "the whole segment",
                    reason: "key of exemplar block \(number): \(reason)")
            }
            do throws(DecodeError) {
                keys.append(try ExemplarBlock.Key(block.key))
            } catch {
                throw damage("\(error)")
            }
            if number > 0, keys[number].series.lowerBound < keys[number - 1].series.upperBound {
                throw damage("it doesn't follow the one before")
            }
        }
        return keys
    }

    /// Adds the exemplars of a series inside the range. Damaged blocks are left out and told to `damage`.
    func addExemplars(
        _ series: Int, in range: TimeRange, to set: inout ExemplarSet, damage report: (SegmentDamage) -> Void
    ) throws {
        var number = firstExemplarBlock(reaching: series)
        while number < exemplarKeys.count, exemplarKeys[number].series.lowerBound <= series {
            defer { number += 1 }
            guard exemplarKeys[number].times.overlaps(range) else { continue }
            do {
                let block = try exemplarBlock(directory.position(.exemplars, number))
                for at in block.exemplars(of: series) {
                    if let exemplar = block.exemplar(at, in: range) { set.add(exemplar) }
                }
            } catch let error as SegmentDamage {
                report(error)
            }
        }
    }

    /// The first block that ends at a series or behind it.
    private func firstExemplarBlock(reaching series: Int) -> Int {
        var low = 0
        var high = exemplarKeys.count
        while low < high {
            let middle = (low + high) >> 1
            if exemplarKeys[middle].series.upperBound < series { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Ordinals of series that may have exemplars in the range, ascending.
    func seriesWithExemplars(in range: TimeRange, damage report: (SegmentDamage) -> Void) throws -> [UInt32] {
        var found: Set<UInt32> = []
        for number in exemplarKeys.indices where exemplarKeys[number].times.overlaps(range) {
            do {
                found.formUnion(try exemplarBlock(directory.position(.exemplars, number)).series)
            } catch let error as SegmentDamage {
                report(error)
            }
        }
        return found.sorted()
    }
}
