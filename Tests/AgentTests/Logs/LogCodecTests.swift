import Bedrock
import Model
import Testing

@testable import Agent

@Suite struct LogCodecTests {
    /// Lines as anybody would cut them.
    private func naive(_ bytes: [UInt8], _ longest: Int) -> [[UInt8]] {
        var result: [[UInt8]] = []
        for var line in bytes.split(separator: 10, omittingEmptySubsequences: false).dropLast().map(Array.init) {
            if line.last == 13 { line.removeLast() }
            if line.count <= longest { result.append(line) }
        }
        return result
    }

    @Test func cutsLinesAsANaiveReaderDoes() {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                [10, 13, 97, 98, 0, 255].randomElement(using: &generator) ?? 10 as UInt8
            }
            // In pieces of any size, the rest of each read again with the next.
            var lines: [[UInt8]] = []
            var at = 0
            var end = 0
            while end < bytes.count {
                end = min(bytes.count, end + Int.random(in: 1...9, using: &generator))
                bytes[at..<end].withUnsafeBytes { raw in
                    var splitter = LineSplitter(raw, lineBytesMax: 100, part: 0)
                    while let line = splitter.next() { lines.append(Array(line.bytes)) }
                    at += splitter.consumed
                }
            }
            #expect(lines == naive(bytes, 100))
        }
    }

    @Test func losesNothingOfLongLines() {
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<500 {
            let line = (0..<Int.random(in: 0...50, using: &generator)).map { _ in
                UInt8.random(in: 97...99, using: &generator)
            }
            let bytes = line + [10]
            bytes.withUnsafeBytes { raw in
                var splitter = LineSplitter(raw, lineBytesMax: 7, part: 0)
                var whole: [UInt8] = []
                var parts: [UInt32] = []
                while let piece = splitter.next() {
                    #expect(piece.bytes.count <= 7)
                    whole += Array(piece.bytes)
                    parts.append(piece.part)
                }
                #expect(whole == line && splitter.consumed == raw.count && splitter.part == 0)
                #expect(parts == (line.count <= 7 ? [0] : (1...UInt32((line.count + 6) / 7)).map { $0 }))
            }
        }
    }

    private func record(_ generator: inout SeededGenerator) -> LogRecord {
        let builder = LogRecordBuilder()
        for number in 0..<Int.random(in: 1...30, using: &generator) {
            let line = (0..<Int.random(in: 0...20, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            let labels = Labels(["app": String(Int.random(in: 0...3, using: &generator))])
            let metadata = Bool.random(using: &generator) ? Labels(["n": String(number)]) : .empty
            line.withUnsafeBytes { bytes in
                metadata.storage.withUnsafeBytes {
                    builder.append(
                        tenant: Bool.random(using: &generator) ? "a" : "b", labels: labels,
                        timestamp: Int64(number) << 40,
                        line: bytes, metadata: $0)
                }
            }
            builder.advance("file/x/\(number % 3)", line + [1])
        }
        return builder.finish()
    }

    private func text(_ record: LogRecord) -> [String] {
        record.advances.map { "\($0.key)=\($0.value)" }
            + record.sections.flatMap { section in
                (0..<section.batch.streams.count).flatMap { index in
                    let stream = section.batch.streams[index]
                    return (stream.firstRow..<stream.firstRow + stream.rowCount).map {
                        "\(section.tenant) \(section.batch.labels(index)) \(section.batch.rows[$0].timestamp) \(section.batch.line($0)) \(section.batch.metadata($0))"
                    }
                }
            }
    }

    @Test func recordsAndPositionsComeBack() throws {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<100 {
            let before = record(&generator)
            var bytes = ByteBuffer()
            LogRecordCodec.encode(before, into: &bytes)
            #expect(text(try LogRecordCodec.decode(bytes.bytes)) == text(before))
            #expect(try LogRecordCodec.advances(bytes.bytes) == before.advances)
            var table = PositionTable(identity: 7, sequence: 9)
            table.apply(before.advances)
            let encoded = table.encode()
            let decoded = try encoded.withUnsafeBytes { try PositionTable.decode($0) }
            #expect(decoded == table)
        }
    }

    @Test func damageIsAnErrorAndNeverACrash() throws {
        var generator = SeededGenerator(seed: 6)
        var position = TailPosition(path: "/var/log/a.log", identity: FileIdentity(device: 3, inode: 5))
        position.offset = 5_000
        position.held = [100..<200]
        let plain = position.encode()
        #expect(try plain.withUnsafeBytes { try TailPosition(decoding: $0) } == position)
        var table = PositionTable(identity: 1, sequence: 2)
        table.apply([LogAdvance(key: "file/x/3/5", value: plain)])
        var packed = ByteBuffer()
        LogRecordCodec.encode(record(&generator), into: &packed)
        let record = packed.array()
        let whole = table.encode()
        for _ in 0..<3_000 {
            for original in [plain, whole, record] {
                var bytes = original
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^= UInt8.random(
                    in: 1...255, using: &generator)
                if Bool.random(using: &generator) {
                    bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
                }
                bytes.withUnsafeBytes { raw in
                    _ = try? TailPosition(decoding: raw)
                    #expect((try? PositionTable.decode(raw)) == nil)
                    _ = try? LogRecordCodec.decode(raw)
                    _ = ContainerLine.cri(raw)
                    _ = ContainerLine.docker(raw)
                }
            }
        }
    }

    @Test func containerLinesOfAnyBytes() {
        var generator = SeededGenerator(seed: 8)
        let seeds = [
            "2026-01-02T03:04:05Z stdout F x", #"{"log":"x\n","stream":"stdout","time":"2026-01-02T03:04:05Z"}"#,
        ]
        for _ in 0..<5_000 {
            var bytes = Array((seeds.randomElement(using: &generator) ?? "").utf8)
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
            bytes.withUnsafeBytes { raw in
                if let line = ContainerLine.cri(raw) { #expect(line.content.count < raw.count) }
                if let line = ContainerLine.docker(raw) { #expect(line.content.count < raw.count) }
            }
        }
    }

    @Test func kubernetesPaths() {
        let pods = KubernetesPath("/var/log/pods/prod_web-1_0a1b-2c/nginx/0.log")
        #expect(
            pods?.namespace == "prod" && pods?.pod == "web-1" && pods?.container == "nginx" && pods?.uid == "0a1b-2c")
        let id = String(repeating: "ab", count: 32)
        let containers = KubernetesPath("/var/log/containers/web-1_prod_my-app-\(id).log")
        #expect(containers?.container == "my-app" && containers?.pod == "web-1" && containers?.containerID == id)
        #expect(KubernetesPath("/var/log/syslog") == nil)
    }

    @Test(arguments: [
        ("/var/log/**/*.log", "/var/log/a.log", true), ("/var/log/**/*.log", "/var/log/x/y/a.log", true),
        ("/var/log/**/*.log", "/var/log/x/a.txt", false), ("/a/{b,c}/[x-z]?.log", "/a/c/y1.log", true),
        ("/a/{b,c}/[x-z]?.log", "/a/d/y1.log", false), ("/a/[!x]", "/a/x", false), ("/a/**", "/a/b/c", true),
    ])
    func globs(pattern: String, path: String, expected: Bool) throws {
        #expect(try GlobPattern(pattern).matches(path) == expected)
    }
}
