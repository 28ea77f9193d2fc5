import Bedrock
import Model

/// Chooses forms for columns of words by what they are going to take: dictionaries and numbers by their widths, texts by the entropy of their
/// bytes, which is about what zstd makes of texts that share little. Not thread-safe.
final class WordPlanner {
    static let depthMax = 2
    static let partsMax = 16
    /// Fewer rows are not worth a split.
    private static let splitRowsMin = 24
    /// Bits of a text besides its bytes: its length.
    private static let lengthBits = 4.0
    /// Of a dictionary's text, beside: length and code length.
    private static let entryBits = 8.0
    private static let separators = Array("-/._@+%~".utf8)

    private var table: ContiguousArray<Int32> = []
    private var arenas: [LineArena] = []
    private var arenasUsed = 0
    /// Where separators stand.
    private var places: ContiguousArray<Int32> = []

    var memoryBytes: Int { arenas.reduce(table.capacity * 4) { $0 + $1.bytes.allocatedBytes + $1.count * 8 } }

    /// Texts of plans made before are free for new ones.
    func reset() { arenasUsed = 0 }

    func plan(_ column: TextView, depth: Int) -> WordPlan {
        var plan = WordPlan()
        gather(column, into: &plan)
        let rows = Double(column.count)
        let entropy = Self.byteBits(column)
        plan.bits = Double(column.bytes.count) * entropy + rows * Self.lengthBits
        if plan.firsts.count * 4 <= column.count * 3 || plan.firsts.count == 1 {
            var bytes = 0
            for row in plan.firsts { bytes += column[Int(row)].count }
            let width = Self.symbolBits(plan.counts, rows: rows)
            let bits = Double(bytes) * entropy + Double(plan.firsts.count) * Self.entryBits + rows * width
            if bits < plan.bits || plan.firsts.count == 1 {
                plan.form = .dictionary
                plan.bits = bits
            }
        }
        guard plan.firsts.count > 1 else { return plan }
        if let bits = Self.decimalBits(column), bits * rows < plan.bits {
            plan.form = .decimals
            plan.bits = bits * rows
        } else if Self.isHex(column), Double(column.bytes.count * 4) < plan.bits {
            plan.form = .hex
            plan.bits = Double(column.bytes.count * 4)
        }
        if depth < Self.depthMax, column.count >= Self.splitRowsMin, plan.bits > rows * 4 {
            trySplit(column, depth, &plan)
        }
        return plan
    }

    private func trySplit(_ column: TextView, _ depth: Int, _ plan: inout WordPlan) {
        guard column.bytes.count <= WordColumnDecoder.madeBytesMax / 8 else { return }
        for separator in Self.separators {
            let count = Self.count(separator, in: column)
            guard count > 0, count < Self.partsMax else { continue }
            let used = arenasUsed
            let parts = split(column, at: separator, count: count)
            var bits = 0.0
            var plans: [WordPlan] = []
            for texts in parts {
                let part = self.plan(TextView(texts), depth: depth + 1)
                bits += part.bits + Double(Self.entryBits)
                plans.append(part)
                if bits >= plan.bits { break }
            }
            guard bits < plan.bits else {
                arenasUsed = used
                continue
            }
            plan.form = .split
            plan.bits = bits
            plan.separator = separator
            plan.parts = plans
            plan.partTexts = parts
        }
    }

    private func arena() -> LineArena {
        if arenasUsed == arenas.count { arenas.append(LineArena(capacity: 256)) }
        arenasUsed += 1
        arenas[arenasUsed - 1].clear()
        return arenas[arenasUsed - 1]
    }

    /// How many of `separator` every text has; 0 where that differs.
    private static func count(_ separator: UInt8, in column: TextView) -> Int {
        var expected = -1
        for i in 0..<column.count {
            var count = 0
            for byte in column[i] where byte == separator { count += 1 }
            if count == 0 || (expected >= 0 && count != expected) { return 0 }
            expected = count
        }
        return max(expected, 0)
    }

    /// The parts of all texts, each of which has `count` separators.
    private func split(_ column: TextView, at separator: UInt8, count: Int) -> [LineArena] {
        places.removeAll(keepingCapacity: true)
        for (at, byte) in column.bytes.enumerated() where byte == separator {
            places.append(Int32(truncatingIfNeeded: at))
        }
        return (0...count).map { part in
            let arena = arena()
            arena.append(count: column.count, bytesMax: column.bytes.count) { row, target in
                let start = part == 0 ? column.starts[row] : Int(places[row * count + part - 1]) + 1
                let end = part == count ? column.starts[row + 1] : Int(places[row * count + part])
                return target.assumingMemoryBound(to: UInt8.self).copy(
                    UnsafeRawBufferPointer(rebasing: column.bytes[start..<end]))
            }
            return arena
        }
    }

    /// Finds the distinct texts.
    private func gather(_ column: TextView, into plan: inout WordPlan) {
        let size = 1 << UInt64(max(column.count, 8) * 2 - 1).bitLength
        table.removeAll(keepingCapacity: true)
        table.append(contentsOf: repeatElement(-1, count: size))
        plan.indexes.reserveCapacity(column.count)
        table.withUnsafeMutableBufferPointer { table in
            for row in 0..<column.count {
                let text = column[row]
                var at = Int(truncatingIfNeeded: ByteHash.of(text)) & (size - 1)
                while true {
                    let known = table[at]
                    if known < 0 {
                        table[at] = Int32(truncatingIfNeeded: plan.firsts.count)
                        plan.indexes.append(UInt16(truncatingIfNeeded: plan.firsts.count))
                        plan.firsts.append(Int32(truncatingIfNeeded: row))
                        plan.counts.append(1)
                        break
                    }
                    let first = column[Int(plan.firsts[Int(known)])]
                    if first.count == text.count, ByteHash.equal(first, at: 0, text) {
                        plan.indexes.append(UInt16(truncatingIfNeeded: known))
                        plan.counts[Int(known)] += 1
                        break
                    }
                    at = (at + 1) & (size - 1)
                }
            }
        }
    }

    /// Bits of a byte, if bytes were independent.
    private static func byteBits(_ column: TextView) -> Double {
        var counts = [Int32](repeating: 0, count: 256)
        for byte in column.bytes { counts[Int(byte)] += 1 }
        return symbolBits(ContiguousArray(counts.filter { $0 > 0 }), rows: Double(max(column.bytes.count, 1)))
    }

    private static func symbolBits(_ counts: ContiguousArray<Int32>, rows: Double) -> Double {
        var bits = 0.0
        for count in counts { bits += Double(count) * log2Approximately(rows / Double(count)) }
        return bits / rows
    }

    /// Good to a tenth, without a call into the mathematical library.
    private static func log2Approximately(_ value: Double) -> Double {
        value.exponent >= 0 ? Double(value.exponent) + (value.significand - 1) : 0
    }

    private static func isHex(_ column: TextView) -> Bool {
        let digits = column[0].count
        guard digits > 0, digits % 2 == 0, digits <= 64, column.bytes.count == digits * column.count else {
            return false
        }
        for i in 0..<column.count where column[i].count != digits { return false }
        for byte in column.bytes where HexText.value(byte) == nil { return false }
        return true
    }

    /// The bits of a number, when all texts are numbers that print as they are written.
    private static func decimalBits(_ column: TextView) -> Double? {
        var least = Int64.max
        var most = Int64.min
        for i in 0..<column.count {
            guard let number = decimal(column[i]) else { return nil }
            least = min(least, number)
            most = max(most, number)
        }
        return column.count > 0 ? Double(UInt64(most - least).bitLength) : nil
    }

    static func decimal(_ text: UnsafeRawBufferPointer) -> Int64? {
        guard text.count > 0, text.count <= 18, text[0] != 48 || text.count == 1 else { return nil }
        var value: Int64 = 0
        for byte in text {
            guard byte &- 48 < 10 else { return nil }
            value = value * 10 + Int64(byte &- 48)
        }
        return value
    }
}
