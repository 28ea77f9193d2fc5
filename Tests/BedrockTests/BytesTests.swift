import Bedrock
import Testing

@Suite struct BytesTests {
    @Test func everythingWrittenIsReadBack() throws {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<200 {
            let unsigned =
                UInt64.random(in: 0 ... .max, using: &generator) >> UInt64.random(in: 0..<64, using: &generator)
            let signed = Int64(bitPattern: UInt64.random(in: 0 ... .max, using: &generator))
            let number = Double(bitPattern: UInt64.random(in: 0 ... .max, using: &generator))
            var buffer = ByteBuffer(capacity: 1)
            buffer.append(varint: unsigned)
            buffer.append(signedVarint: signed)
            buffer.append(number)
            buffer.append(littleEndian: UInt16(truncatingIfNeeded: unsigned))
            buffer.append(prefixed: "häl\0lo")
            buffer.append(UInt8(7))
            let whole = buffer.array()
            try whole.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws -> Void in
                var reader = ByteReader(bytes)
                #expect(try reader.varint() == unsigned)
                #expect(try reader.signedVarint() == signed)
                #expect(try reader.double().bitPattern == number.bitPattern)
                #expect(try reader.littleEndian(UInt16.self) == UInt16(truncatingIfNeeded: unsigned))
                #expect(String(decoding: try reader.prefixed(), as: UTF8.self) == "häl\0lo")
                #expect(try reader.u8() == 7)
                #expect(reader.isAtEnd && reader.remaining == 0)
                #expect(throws: DecodeError.self) { try reader.u8() }
            }
            // Every cut of it fails somewhere, and never traps.
            for cut in 0..<whole.count {
                #expect(throws: DecodeError.self) {
                    try whole[..<cut].withUnsafeBytes { bytes in
                        var reader = ByteReader(bytes)
                        _ = try reader.varint()
                        _ = try reader.signedVarint()
                        _ = try reader.double()
                        _ = try reader.littleEndian(UInt16.self)
                        _ = try reader.prefixed()
                        _ = try reader.u8()
                    }
                }
            }
        }
    }

    @Test func varintLimits() throws {
        func decode(_ bytes: [UInt8]) throws -> UInt64 {
            try bytes.withUnsafeBytes {
                var reader = ByteReader($0)
                return try reader.varint()
            }
        }
        #expect(try decode([0x80, 0]) == 0)
        #expect(try decode([UInt8](repeating: 0xFF, count: 9) + [1]) == .max)
        #expect(throws: DecodeError.self) { try decode([UInt8](repeating: 0xFF, count: 9) + [2]) }
        #expect(throws: DecodeError.self) { try decode([UInt8](repeating: 0x80, count: 10) + [0]) }
        [UInt8]([0x80, 0x80, 0x80, 0x80, 0x10]).withUnsafeBytes {
            var reader = ByteReader($0)
            #expect(throws: DecodeError.self) { try reader.length(limit: 1000) }
            var other = ByteReader($0)
            #expect(throws: DecodeError.self) { try other.take(-1) }
        }
    }

    @Test func bufferPatchesTruncatesAndClears() {
        var buffer = ByteBuffer()
        buffer.append(littleEndian: UInt32(0))
        buffer.append(utf8: "abc" as String)
        buffer.patch(littleEndian: 0x0403_0201, at: 0)
        buffer.append(capacity: 10) { room in
            room[0] = 9
            return 1
        }
        #expect(buffer.array() == [1, 2, 3, 4, 97, 98, 99, 9])
        buffer.truncate(to: 2)
        #expect(buffer.array() == [1, 2])
        buffer.clear()
        let isEmpty = buffer.isEmpty
        #expect(isEmpty)
    }
}
