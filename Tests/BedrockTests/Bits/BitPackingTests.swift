import Testing

@testable import Bedrock

@Suite struct BitPackingTests {
    private func random(_ width: Int, _ generator: inout SeededGenerator) -> UInt64 {
        width == 0 ? 0 : generator.next() >> UInt64(64 - width)
    }

    @Test(arguments: 0...64) func everyWidthComesBack(width: Int) throws {
        var generator = SeededGenerator(seed: UInt64(width) + 1)
        for count in [0, 1, 2, 7, 8, 9, 63, 64, 65, 130] {
            let values = (0..<count).map { _ in random(width, &generator) }
            var buffer = ByteBuffer()
            BitPacking.pack(values, count: count, width: width, into: &buffer)
            #expect(buffer.count == BitPacking.byteCount(count: count, width: width))
            for slack in [0, 20] {
                buffer.append([UInt8](repeating: 0xA5, count: slack))
                var back = [UInt64](repeating: 7, count: count + 1)
                try BitPacking.unpack(buffer.bytes, count: count, width: width, into: &back)
                #expect(Array(back.prefix(count)) == values, "count \(count), slack \(slack)")
                #expect(back[count] == 7)
            }
        }
    }

    @Test func tooShortInputThrows() {
        var target = [UInt64](repeating: 0, count: 100)
        let bytes = [UInt8](repeating: 0xFF, count: 10)
        bytes.withUnsafeBytes { raw in
            #expect(throws: DecodeError.self) { try BitPacking.unpack(raw, count: 81, width: 1, into: &target) }
            #expect(throws: DecodeError.self) { try BitPacking.unpack(raw, count: 2, width: 41, into: &target) }
            #expect(throws: DecodeError.self) { try BitPacking.unpack(raw, count: 1, width: 65, into: &target) }
            #expect(throws: Never.self) { try BitPacking.unpack(raw, count: 80, width: 1, into: &target) }
        }
    }

    @Test func bitFieldsComeBack() throws {
        var generator = SeededGenerator(seed: 42)
        for _ in 0..<50 {
            let fields = (0..<200).map { _ -> (UInt64, Int) in
                let width = Int(generator.next() % 65)
                return (random(width, &generator), width)
            }
            var buffer = ByteBuffer()
            var writer = BitWriter()
            for (value, width) in fields { writer.write(value, width, to: &buffer) }
            writer.finish(to: &buffer)
            #expect(buffer.count == (fields.reduce(0) { $0 + $1.1 } + 7) / 8)
            var reader = BitReader(buffer.bytes)
            for (value, width) in fields { #expect(try reader.read(width) == value) }
            #expect(throws: DecodeError.self) { _ = try reader.read(8) }
        }
    }

    @Test func zigZagKeepsSmallNumbersSmall() {
        #expect([0, -1, 1, -2, 2].map { ZigZag.encode($0) } == [0, 1, 2, 3, 4])
        for value in [Int64.min, .max, 0, -1, 1 << 40, -(1 << 40)] {
            #expect(ZigZag.decode(ZigZag.encode(value)) == value)
        }
        #expect([0 as UInt64, 1, 255, .max].map(\.bitLength) == [0, 1, 8, 64])
    }
}
