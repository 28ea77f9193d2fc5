import Bedrock
import Columns
import Model
import Testing

@Suite struct IntegersAndTexts {
    @Test func timesComeBack() throws {
        var random = SeededGenerator(seed: 1)
        let scratch = ColumnScratch()
        for round in 0..<200 {
            let count = Int.random(in: 1...600, using: &random)
            let unit: Int64 = [1, 1000, 1_000_000, 1_000_000_000][round % 4]
            var now = Int64.random(in: -1000...1_700_000_000, using: &random)
            var times: [Int64] = []
            for _ in 0..<count {
                switch Int.random(in: 0..<100, using: &random) {
                case 0: now = Int64.random(in: 0...1_700_000_000, using: &random)
                case 1: now += 100_000_000
                case 2 where round % 7 == 0: now = .max / 4_000_000_000
                default: now += Int64(-Double.random(in: 0.0001...1, using: &random).squareRoot() * 1000 + 1000)
                }
                times.append(now * unit)
            }
            if round % 13 == 0 { times[count / 2] = .min }
            var buffer = ByteBuffer()
            TimeColumn.encode(times, count: count, scratch: scratch, into: &buffer)
            let bytes = buffer.array()
            var back = [Int64](repeating: 7, count: count)
            try bytes.withUnsafeBytes {
                var reader = ByteReader($0)
                try TimeColumn.decode(&reader, count: count, into: &back)
                #expect(reader.isAtEnd)
            }
            #expect(back == times)
            damaged(bytes, &random) { damaged in
                var reader = ByteReader(damaged)
                try TimeColumn.decode(&reader, count: count, into: &back)
            }
        }
    }

    @Test func textColumnsComeBack() throws {
        var random = SeededGenerator(seed: 2)
        let writer = TextColumnWriter()
        let kinds: [(inout SeededGenerator) -> String] = [
            { _ in "same" }, { "\(Int.random(in: -5...100_000, using: &$0))" },
            { String(Int.random(in: 0...7, using: &$0)) + "x" },
            { String(UInt64.random(in: 1 << 60...(.max), using: &$0), radix: 16) },
            { String(repeating: "ab ", count: Int.random(in: 0...9, using: &$0)) }, { _ in "" },
            { "\(UInt64.random(in: 0...UInt64.max, using: &$0)) free text" },
        ]
        for round in 0..<140 {
            let kind = kinds[round % kinds.count]
            let texts: [String?] = (0..<Int.random(in: 0...300, using: &random)).map { _ in
                round % 3 == 0 && Bool.random(using: &random) || round % 11 == 0 ? nil : kind(&random)
            }
            for text in texts {
                if let text { Array(text.utf8).withUnsafeBytes { writer.append($0) } } else { writer.appendAbsent() }
            }
            var buffer = ByteBuffer()
            writer.encode(into: &buffer)
            let bytes = buffer.array()
            try bytes.withUnsafeBytes {
                let column = try TextColumn($0, rowCount: texts.count)
                #expect(
                    texts.indices.allSatisfy { row in
                        column.text(row).map { String(decoding: $0, as: UTF8.self) } == texts[row]
                    })
                var rows = RowSet(rowCount: texts.count, all: true)
                column.filter(&rows) { ($0?.count ?? 0) % 2 == 0 }
                #expect(texts.indices.allSatisfy { rows.contains($0) == ((texts[$0]?.utf8.count ?? 0) % 2 == 0) })
            }
            damaged(bytes, &random) { _ = try TextColumn($0, rowCount: texts.count) }
        }
    }

    @Test func sectionsAndFilters() throws {
        var directory = SectionDirectory()
        directory.add(kind: 3, offset: 8, bytes: UnsafeRawBufferPointer(start: nil, count: 0))
        Array("abc".utf8).withUnsafeBytes { _ = directory.add(kind: 4, offset: 10, bytes: $0) }
        var buffer = ByteBuffer()
        directory.encode(into: &buffer)
        var reader = ByteReader(buffer.bytes)
        #expect(try SectionDirectory(&reader, limit: 13) == directory)
        reader.offset = 0
        #expect(throws: DecodeError.self) { try SectionDirectory(&reader, limit: 12) }
        try Array("abc".utf8).withUnsafeBytes { try directory.sections[1].verify($0) }
        #expect(throws: ColumnError.self) {
            try Array("abd".utf8).withUnsafeBytes { try directory.sections[1].verify($0) }
        }

        var builder = TokenFilter.Builder()
        for i in 0..<1000 { Array("user\(i) said hällo".utf8).withUnsafeBytes { builder.add($0) } }
        buffer.clear()
        builder.finish(into: &buffer)
        let filter = try TokenFilter(buffer.bytes)
        func may(_ literal: String) -> Bool {
            Array(literal.utf8).withUnsafeBytes { filter.mayContain(all: TokenFilter.innerTokens(of: $0)) }
        }
        #expect((0..<1000).allSatisfy { may(" user\($0) ") && may("aid hällo ") })
        #expect((0..<1000).count { may(" other\($0) ") } < 30)
        #expect(may("other"))
    }
}

/// Calls `body` with flipped and cut copies; errors are fine, traps are not.
func damaged(_ bytes: [UInt8], _ random: inout SeededGenerator, _ body: (UnsafeRawBufferPointer) throws -> Void) {
    guard !bytes.isEmpty else { return }
    for round in 0..<8 {
        var copy = bytes
        if round % 2 == 0 {
            copy.removeLast(Int.random(in: 1...copy.count, using: &random))
        } else {
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                copy[Int.random(in: 0..<copy.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            }
        }
        _ = try? copy.withUnsafeBytes(body)
    }
}
