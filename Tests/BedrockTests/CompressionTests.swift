import Bedrock
import Testing

private typealias Pack = @Sendable (UnsafeRawBufferPointer, inout ByteBuffer) -> Void
private typealias Unpack = @Sendable (UnsafeRawBufferPointer, inout ByteBuffer, Int) throws(CompressionError) -> Void

private struct Codec: Sendable, CustomStringConvertible {
    let description: String
    let pack: Pack
    let unpack: Unpack

    func packed(_ bytes: [UInt8]) -> [UInt8] {
        var buffer = ByteBuffer()
        bytes.withUnsafeBytes { pack($0, &buffer) }
        return buffer.array()
    }

    func unpacked(_ bytes: [UInt8], limit: Int) throws -> [UInt8] {
        var buffer = ByteBuffer()
        try bytes.withUnsafeBytes { try unpack($0, &buffer, limit) }
        return buffer.array()
    }
}

private let codecs = [
    Codec(
        description: "gzip", pack: { Gzip.compress($0, into: &$1) },
        unpack: { bytes, buffer, limit throws(CompressionError) in
            try Gzip.decompress(bytes, into: &buffer, limit: limit)
        }),
    Codec(
        description: "zstd", pack: { Zstd.compress($0, into: &$1) },
        unpack: { bytes, buffer, limit throws(CompressionError) in
            try Zstd.decompress(bytes, into: &buffer, limit: limit)
        }),
    Codec(
        description: "snappy", pack: { Snappy.compress($0, into: &$1) },
        unpack: { bytes, buffer, limit throws(CompressionError) in
            try Snappy.decompress(bytes, into: &buffer, limit: limit)
        }),
]

@Suite struct CompressionTests {
    @Test(arguments: codecs) private func roundTrips(_ codec: Codec) throws {
        var generator = SeededGenerator(seed: 1)
        for size in [0, 1, 100, 70_000, 300_000] {
            let noise = (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let plain = [UInt8](repeating: 65, count: size)
            for bytes in [noise, plain] {
                #expect(try codec.unpacked(codec.packed(bytes), limit: size) == bytes)
            }
        }
    }

    @Test(arguments: codecs) private func bombsStopAtTheLimit(_ codec: Codec) {
        let bomb = codec.packed([UInt8](repeating: 0, count: 1 << 22))
        #expect(throws: CompressionError.tooLarge(limit: 1000)) { try codec.unpacked(bomb, limit: 1000) }
    }

    @Test(arguments: codecs) private func cutAndFlippedInputIsRefusedOrHarmless(_ codec: Codec) {
        let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* $0) }
        let packed = codec.packed(bytes)
        for cut in stride(from: 0, to: packed.count, by: 97) {
            #expect(throws: CompressionError.self) { try codec.unpacked(Array(packed[..<cut]), limit: 10_000) }
        }
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<300 {
            var broken = packed
            broken[Int.random(in: 0..<broken.count, using: &generator)] ^=
                1 << UInt8.random(in: 0..<8, using: &generator)
            _ = try? codec.unpacked(broken, limit: 10_000)
        }
    }
}
