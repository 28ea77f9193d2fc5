import Bedrock
import Foundation
import Model
import Testing

@testable import LogQL

/// Random and mutated bytes through everything that reads them, and properties against plain re-implementations.
@Suite struct StageFuzzTests {
    private static let lines = [
        #"{"app":"foo","pod":{"uuid":"\u00e9\ud83d\ude00","n":[1,{"x":2}],"ok":true},"nil":null,"f":-1.5e3}"#,
        #"level=info msg="quoted \"x\" \n" dur=1.5ms size=3KiB bad="open =x y"#,
        #"127.0.0.1 - - [10/Oct/2000] "GET /a?b HTTP/1.0" 200 2326 2001:db8::1 10.0.0.7:80"#,
        #"{"_entry":"code=42","lvl":"packed","num":5}"#, "\u{1B}[0;32mgreen\u{1B}[0m \u{1B}]0;t\u{07}x",
    ]

    private func mutated(_ random: inout SeededGenerator) -> [UInt8] {
        var bytes = Array(Self.lines[Int(random.next(upperBound: UInt64(Self.lines.count)))].utf8)
        for _ in 0..<random.next(upperBound: 6 as UInt64) {
            guard !bytes.isEmpty else { break }
            let at = Int(random.next(upperBound: UInt64(bytes.count)))
            switch random.next(upperBound: 4 as UInt64) {
            case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes.remove(at: at)
            case 2: bytes.insert(Array("\"\\{}[]=:,.\u{1B}".utf8)[Int(random.next(upperBound: 11 as UInt64))], at: at)
            default: bytes.removeLast(bytes.count - at)
            }
        }
        return bytes
    }

    @Test func everyStageStandsAnyBytes() throws {
        let strict = LogfmtStage(isStrict: true, keepsEmpty: true)
        let stages: [PipelineStage] = [
            .json([]), .json([LabelExtraction("a", "pod.n[1].x"), LabelExtraction("b", "[0][\"k\"]")]),
            .logfmt(LogfmtStage()), .logfmt(strict), .unpack,
            .logfmt(LogfmtStage(extractions: [LabelExtraction("z", "msg")])), .decolorize,
            .regexp("(?P<word>[a-z]+)=(?P<rest>.*)"), .pattern("<ip> <_> [<time>] \"<method> <_>\" <status>"),
            .labelFilter(.or(.duration("dur", .greater, 5), .or(.bytes("size", .less, 5), .number("f", .equal, 5)))),
            .lineFormat(
                "{{ range $k, $v := . }}{{ $k }}={{ $v }} {{ end }}{{ fromJson __line__ }}{{ .pod_uuid | trunc -2 }}"),
            .labelFormat([.template(target: "l", "{{ __line__ | lower | title | urlencode }}")]),
            .lineFilter(LineFilterStage([.ip("10.0.0.0/8"), .ip("2001:db8::/32")], isNegated: true)),
        ]
        let pipelines = try stages.map { LogPipeline(try LogPipelinePlan([$0])) }
        let all = LogPipeline(try LogPipelinePlan(stages))
        var random = SeededGenerator(seed: 7)
        for round in 0..<400 {
            let bytes =
                round % 4 == 0
                ? (0..<Int(random.next(upperBound: 80 as UInt64))).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                : mutated(&random)
            for pipeline in pipelines { _ = pipeline.run(bytes, stream: ["app": "x"], metadata: ["level": "y"]) }
            let row = all.run(bytes, stream: ["app": "x"], metadata: ["level": "y"])
            if let row { #expect(row.labels["app"] == "x") }
        }
    }

    @Test func theTemplateParserStandsAnyText() throws {
        let pieces = [
            "{{", "}}", "{{-", "-}}", " ", "if", "else", "end", "range", "with", "define", "template", "$x", ":=", "=",
            ",", "|", "(", ")",
            ".", ".a", "\"", "`", "'", "\\", "1", "-2.5e", "printf", "upper", "eq", "/*", "*/", "index", "\n", "é",
            "break",
        ]
        var random = SeededGenerator(seed: 11)
        var parsed = 0
        for _ in 0..<4000 {
            let count = Int(random.next(upperBound: 14 as UInt64))
            let text = (0..<count).map { _ in pieces[Int(random.next(upperBound: UInt64(pieces.count)))] }.joined()
            guard let plan = try? LogPipelinePlan([.lineFormat(text)]) else { continue }
            parsed += 1
            #expect(LogPipeline(plan).run("line", stream: ["a": "1"]) != nil)
        }
        #expect(parsed > 200)
    }

    // MARK: JSON

    @Test func jsonAgreesWithFoundation() throws {
        let pipeline = LogPipeline(try LogPipelinePlan([.json([])]))
        var random = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            let object = randomObject(&random, depth: 3)
            let line = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
            var wanted: [String: String] = [:]
            flatten(object, "", &wanted)
            #expect(pipeline.run(Array(line))?.labels == wanted)
        }
    }

    private func randomObject(_ random: inout SeededGenerator, depth: Int) -> [String: Any] {
        var object: [String: Any] = [:]
        for i in 0..<Int(random.next(upperBound: 5 as UInt64)) {
            // Distinct after sanitising, so that the order of members doesn't matter.
            let key = "k\(depth)x\(i)" + ["", " ", "é", "\"", "/"][i % 5]
            switch random.next(upperBound: 6 as UInt64) {
            case 0: object[key] = Int(truncatingIfNeeded: random.next()) % 1_000_000
            case 1: object[key] = random.next() % 2 == 0
            case 2: object[key] = NSNull()
            case 3: object[key] = [1, "a", ["}": "]"]] as [Any]
            case 4 where depth > 0: object[key] = randomObject(&random, depth: depth - 1)
            default: object[key] = ["", "plain", "q\"\\\n\u{1}", "ünï😀", String(repeating: "long ", count: 9)][i % 5]
            }
        }
        return object
    }

    private func flatten(_ object: [String: Any], _ prefix: String, _ out: inout [String: String]) {
        for (key, value) in object {
            let name =
                prefix
                + String(
                    key.trimmingCharacters(in: .whitespaces).map {
                        $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_"
                    })
            switch value {
            case let inner as [String: Any]: flatten(inner, name + "_", &out)
            case let text as String: out[name] = text
            case let flag as Bool: out[name] = "\(flag)"
            case let number as Int: out[name] = "\(number)"
            default: break
            }
        }
    }

    // MARK: Addresses

    @Test func addressesAgreeWithTheCLibrary() {
        var random = SeededGenerator(seed: 5)
        let samples = [
            "1.2.3.4", "255.0.0.1", "::", "::1", "2001:db8::8:800:200c:417a", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4",
            "fe80::1", "1::",
        ]
        let signs = Array("0123456789abcdef:.".utf8)
        for _ in 0..<4000 {
            var bytes = Array(samples[Int(random.next(upperBound: UInt64(samples.count)))].utf8)
            for _ in 0..<random.next(upperBound: 4 as UInt64) {
                let at = Int(random.next(upperBound: UInt64(bytes.count)))
                let sign = signs[Int(random.next(upperBound: UInt64(signs.count)))]
                if random.next() % 2 == 0 { bytes[at] = sign } else { bytes.insert(sign, at: at) }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let found = bytes.withUnsafeBytes { IPAddress($0) }
            #expect(found.map { [$0.isV6 ? 1 : 0, $0.value] } == reference(text), "\(text)")
        }
    }

    private func reference(_ text: String) -> [UInt128]? {
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 { return [0, UInt128(UInt32(bigEndian: v4.s_addr))] }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        return [1, withUnsafeBytes(of: v6) { $0.reduce(UInt128(0)) { $0 << 8 | UInt128($1) } }]
    }

    @Test func addressesInLinesAgreeWithSplitting() throws {
        let words = [
            "10.0.0.7", "10.0.0.7:80", "x10.1.1.1y", "300.1.1.1", "10.0.0", "1.10.0.0.1", "192.168.1.1", "2001:db8::1",
            "[2001:db8::5]:443",
            "2001:db9::1", "a2001:db8::1", "10.2.3.4.", "2001:db8::9:", "::", "text", "00:11:22",
        ]
        let four = try IPMatcher("10.0.0.0/8")
        let six = try IPMatcher("2001:db8::1-2001:db8::8")
        var random = SeededGenerator(seed: 9)
        for _ in 0..<2000 {
            let chosen = (0..<3).map { _ in words[Int(random.next(upperBound: UInt64(words.count)))] }
            let line = chosen.joined(separator: [" ", ",", "="][Int(random.next(upperBound: 3 as UInt64))])
            let bytes = Array(line.utf8)
            let runs = line.split { !"0123456789.".contains($0) }.map(\.trimmedPoints)
            let wanted = runs.contains { reference($0).map { $0[0] == 0 && $0[1] >> 24 == 10 } ?? false }
            #expect(bytes.withUnsafeBytes { four.matchesAny(in: $0) } == wanted, "\(line)")
            let hasSix = chosen.contains { ["2001:db8::1", "[2001:db8::5]:443"].contains($0) }
            #expect(bytes.withUnsafeBytes { six.matchesAny(in: $0) } == hasSix, "\(line)")
        }
    }

    // MARK: Patterns

    @Test func capturesAndLiteralsMakeUpTheLine() throws {
        var random = SeededGenerator(seed: 13)
        for _ in 0..<3000 {
            let literals = (0..<3).map { _ in
                String(
                    (0..<(1 + Int(random.next(upperBound: 2 as UInt64)))).map { _ in
                        random.next() % 2 == 0 ? "a" : " " as Character
                    })
            }
            let text =
                (random.next() % 2 == 0 ? literals[0] : "") + "<x>\(literals[1])<y>"
                + (random.next() % 2 == 0 ? literals[2] : "")
            let line = String(
                (0..<Int(random.next(upperBound: 9 as UInt64))).map { _ in
                    ["a", " ", "b"][Int(random.next(upperBound: 3 as UInt64))] as Character
                })
            let expression = try PatternExpression.parser(text)
            var found: [String] = []
            Array(line.utf8).withUnsafeBytes { bytes in
                expression.forEachCapture(bytes) { found.append(String(decoding: $1, as: UTF8.self)) }
            }
            let lead = text.hasPrefix("<") ? "" : literals[0]
            if line.isEmpty || !line.hasPrefix(lead) {
                #expect(found.isEmpty)
            } else if found.count == 1 {
                #expect(lead + found[0] == line)
                #expect(!found[0].contains(literals[1]))
            } else {
                #expect(line.hasPrefix(lead + found[0] + literals[1] + found[1]))
                #expect(!(found[0] + literals[1]).dropLast().contains(literals[1]))
            }
            // As a filter: what matches whole has captures that hold something, and leaves nothing over.
            let filter = PatternExpression(text)
            if Array(line.utf8).withUnsafeBytes({ filter.matches($0) }), line.hasPrefix(lead) {
                #expect(found.count == 2 && !found.contains(""), "\(text) on \(line)")
            }
        }
    }

    // MARK: Numbers

    @Test func floatsAreWrittenAsTheCLibraryWritesThem() {
        var random = SeededGenerator(seed: 17)
        for round in 0..<2000 {
            var value = Double(bitPattern: random.next() & ~(1 << 63))
            if round % 2 == 0 { value = Double(random.next() % 1_000_000) / 1000 }
            guard value.isFinite else { continue }
            let precision = Int(random.next(upperBound: 12 as UInt64))
            for letter in ["e", "g", "f"] where letter != "f" || value < 1e30 {
                var out = ByteBuffer()
                FloatFormat.append(value, Unicode.Scalar(letter).map { UInt8($0.value) } ?? 0, precision, &out)
                #expect(String(decoding: out.bytes, as: UTF8.self) == String(format: "%.\(precision)\(letter)", value))
            }
        }
    }
}

extension Substring {
    fileprivate var trimmedPoints: String {
        var copy = self
        while copy.last == "." { copy.removeLast() }
        return String(copy)
    }
}
