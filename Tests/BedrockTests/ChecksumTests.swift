import Bedrock
import Testing

@Suite struct ChecksumTests {
    private func crc(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { CRC32C.of($0) } }

    /// RFC 3720, appendix B.4.
    @Test func crcOfTheStandardsExamples() {
        #expect(crc([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(crc([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(crc(Array(0..<32)) == 0x46DD_794E)
        #expect(crc(Array((0..<32).reversed())) == 0x113F_DB5C)
        #expect(crc([]) == 0)
    }

    @Test func crcContinues() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        for cut in [0, 1, 7, 8, 9, 500, 1000] {
            let first = crc(Array(bytes[..<cut]))
            #expect(bytes[cut...].withUnsafeBytes { CRC32C.of($0, continuing: first) } == crc(bytes))
        }
    }

    /// MurmurHash3_x64_128 of the reference implementation: `low` is its first word.
    @Test func hashOfKnownStrings() {
        func hash(_ text: String) -> Hash128 { Array(text.utf8).withUnsafeBytes { Hash128(of: $0) } }
        #expect(hash("") == Hash128(high: 0, low: 0))
        #expect(hash("hello") == Hash128(high: 0x5b1e_906a_48ae_1d19, low: 0xcbd8_a7b3_41bd_9b02))
        #expect(
            hash("The quick brown fox jumps over the lazy dog")
                == Hash128(high: 0x7a43_3ca9_c49a_9347, low: 0xe34b_bc7b_bc07_1b6c))
    }

    @Test func everyLengthHashesDifferently() {
        var seen: Set<Hash128> = []
        let zeros = [UInt8](repeating: 0, count: 64)
        for length in 1...64 { seen.insert(zeros[..<length].withUnsafeBytes { Hash128(of: $0) }) }
        #expect(seen.count == 64)
    }
}
