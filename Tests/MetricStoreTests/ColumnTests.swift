import Bedrock
import Testing

@testable import MetricStore

@Suite struct ColumnTests {
    static let counts = [1, 2, 3, 7, 64, 120, 480]

    private func encoded(_ values: [Double]) -> [UInt8] {
        var buffer = ByteBuffer()
        ValueColumn.encode(values, count: values.count, scratch: ColumnScratch(), into: &buffer)
        return buffer.array()
    }

    private func decoded(_ bytes: [UInt8], count: Int) throws -> [Double] {
        // A guard value behind the rows shows that nothing is written outside.
        var back = [Double](repeating: 42, count: count + 1)
        try bytes.withUnsafeBytes { try ValueColumn.decode($0, count: count, into: &back) }
        #expect(back[count] == 42)
        return Array(back.prefix(count))
    }

    @Test(arguments: ColumnSamples.Kind.allCases) func valuesComeBackBitForBit(kind: ColumnSamples.Kind) throws {
        var generator = SeededGenerator(seed: 7)
        for count in Self.counts {
            for _ in 0..<6 {
                let values = ColumnSamples.values(kind, count: count, &generator)
                let back = try decoded(encoded(values), count: count)
                #expect(back.map(\.bitPattern) == values.map(\.bitPattern))
            }
        }
    }

    @Test func eachSpecialValueSurvivesAmongDecimals() throws {
        for special in ColumnSamples.specials {
            for at in [0, 1, 59, 119] {
                var values = (0..<120).map { Double($0) / 4 }
                values[at] = special
                let back = try decoded(encoded(values), count: 120)
                #expect(back.map(\.bitPattern) == values.map(\.bitPattern), "\(special) at \(at)")
            }
        }
    }

    @Test func typicalColumnsAreSmall() {
        #expect(encoded([Double](repeating: 1, count: 480)).count == 2)
        #expect(encoded((0..<480).map { Double(5_000_000 + $0 * 15) }).count < 16)
        // A counter that was reset, and a stale marker at the end, cost a patch, not a wider column.
        var counter = (0..<480).map { Double(1_000_000 + $0 * 15 + $0 % 3) }
        for row in 300..<480 { counter[row] -= 1_004_000 }
        counter[479] = Double(bitPattern: 0x7ff0_0000_0000_0002)
        #expect(encoded(counter).count < 480 * 3 / 8 + 50)
        // Multiples of a page size cost what their multiples cost.
        #expect(encoded((0..<480).map { Double(($0 * 7919) % 16) * 4096 }).count < 480 / 2 + 20)
    }

    @Test(arguments: ColumnSamples.Schedule.allCases) func timestampsComeBack(kind: ColumnSamples.Schedule) throws {
        var generator = SeededGenerator(seed: 9)
        for count in Self.counts {
            let timestamps = ColumnSamples.timestamps(kind, count: count, &generator)
            var buffer = ByteBuffer()
            TimestampColumn.encode(timestamps, count: timestamps.count, scratch: ColumnScratch(), into: &buffer)
            var back = [Int64](repeating: 0, count: timestamps.count)
            var reader = ByteReader(buffer.bytes)
            #expect(try TimestampColumn.count(&reader) == timestamps.count)
            try TimestampColumn.decode(&reader, count: timestamps.count, into: &back)
            #expect(back == timestamps)
            #expect(reader.isAtEnd)
            if kind == .regular { #expect(buffer.count < 20) }
        }
    }

    @Test func damagedColumnsThrowOrGiveOtherValuesButNeverCrash() {
        var generator = SeededGenerator(seed: 11)
        for kind in ColumnSamples.Kind.allCases {
            let values = ColumnSamples.values(kind, count: 60, &generator)
            let bytes = encoded(values)
            for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 60)) {
                _ = try? decoded(Array(bytes.prefix(length)), count: 60)
            }
            for at in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 60)) {
                for bit in 0..<8 {
                    var damaged = bytes
                    damaged[at] ^= 1 << UInt8(bit)
                    _ = try? decoded(damaged, count: 60)
                }
            }
            for _ in 0..<20 {
                let noise = (0..<40).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
                _ = try? decoded(noise, count: 60)
            }
        }
    }

    @Test func truncatedColumnsThrow() {
        var generator = SeededGenerator(seed: 12)
        for kind in [ColumnSamples.Kind.counter, .noise, .mostlyDecimals, .bits] {
            let bytes = encoded(ColumnSamples.values(kind, count: 60, &generator))
            for length in 0..<bytes.count - 1 {
                #expect(throws: DecodeError.self) { _ = try decoded(Array(bytes.prefix(length)), count: 60) }
            }
        }
    }

    @Test func compactDoublesComeBack() throws {
        var buffer = ByteBuffer()
        for value in ColumnSamples.specials { buffer.append(compact: value) }
        var reader = ByteReader(buffer.bytes)
        for value in ColumnSamples.specials { #expect(try reader.compactDouble().bitPattern == value.bitPattern) }
    }
}
