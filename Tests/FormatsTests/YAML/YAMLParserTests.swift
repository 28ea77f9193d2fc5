import Bedrock
import Formats
import Testing

@Suite struct YAMLParserTests {
    private func parse(_ text: String, _ limits: YAMLLimits = YAMLLimits()) throws -> YAMLNode {
        try YAMLNode(parsing: text, file: "f.yml", limits: limits)
    }

    private func message(_ text: String, _ limits: YAMLLimits = YAMLLimits()) -> String {
        do {
            _ = try parse(text, limits)
            return "no error"
        } catch { return "\(error)" }
    }

    @Test func keepsOrderStyleAndPlace() throws {
        let root = try parse("b: 1\na:\n  - 'x'\n  - \"y\\n\"\n  - |\n    lit\n  - >\n    fold\nc: {d: [e, ~]}\n")
        #expect(root.mapping?.map(\.key) == ["b", "a", "c"])
        let list = try #require(root["a"]?.sequence)
        #expect(
            list.map(\.content) == [
                .scalar("x", .singleQuoted), .scalar("y\n", .doubleQuoted), .scalar("lit\n", .literal),
                .scalar("fold\n", .folded),
            ])
        #expect(list[1].position == TextPosition(line: 4, column: 5))
        #expect(root.mapping?[1].keyPosition == TextPosition(line: 2, column: 1))
        #expect(root["c"]?["d"]?.sequence?[1].isNull == true)
    }

    @Test func emptyIsNull() throws {
        for text in ["", "\n", "# nothing\n", "---\n", "---\n..."] { #expect(try parse(text).isNull) }
        #expect(try !parse("''").isNull)
        #expect(try !parse("!!str null").isNull)
    }

    @Test func resolvesAliasesAndMerges() throws {
        let root = try parse("base: &b {x: 1, y: 2}\nother: &o {y: 8, z: 9}\nuse:\n  <<: [*b, *o]\n  x: 5\nsame: *b\n")
        #expect(root["use"]?.mapping?.map { "\($0.key)=\($0.value.scalar ?? "")" } == ["x=5", "y=2", "z=9"])
        #expect(root["same"]?["y"]?.scalar == "2")
        #expect(root["same"]?.position.line == 1)
    }

    @Test(arguments: [
        ("a: [1, 2\nb: 3", "f.yml:2:2: "),
        ("a: 1\na: 2", "f.yml:2:1: key \"a\" is repeated; it stands in line 1 already"),
        ("a: *nope", "f.yml:1:4: alias *nope has no anchor before it"),
        ("a: &x [1, *x]", "f.yml:1:11: alias *x stands inside what it refers to"),
        ("? [1]\n: 2", "f.yml:1:3: a key must be plain text"),
        ("a: 1\n---\nb: 2", "f.yml:2:1: a second document begins here; one file holds one"),
        ("<<: 3", "f.yml:1:5: << takes a mapping, or a list of them"),
        ("a:\n\t- b", "f.yml:2:1: found character that cannot start any token"),
        ("a: \"x", "f.yml:1:6: found unexpected end of stream"),
    ])
    func saysWhere(_ text: String, _ expected: String) {
        #expect(message(text).hasPrefix(expected), "\(message(text))")
    }

    @Test func refusesInvalidUTF8() {
        let bytes: [UInt8] = Array("a: ".utf8) + [0xFF, 0xFE]
        #expect { try bytes.withUnsafeBytes { try YAMLNode(parsing: $0, file: "f.yml") } } throws: {
            "\($0)".contains("UTF-8")
        }
    }

    @Test func boundsDepth() {
        #expect(message(String(repeating: "[", count: 50_000)) == "f.yml:1:66: nested deeper than 64 levels")
        #expect(message(String(repeating: "- ", count: 50_000)).contains("nested deeper than 64 levels"))
        // Depth through aliases: each line nests the one before, 10 levels at a time.
        var text = "a0: &a0 [[[[[[[[[[x]]]]]]]]]]\n"
        for i in 1..<10 { text += "a\(i): &a\(i) [[[[[[[[[[*a\(i - 1)]]]]]]]]]]\n" }
        #expect(message(text).contains("through alias"))
    }

    @Test func boundsBillionLaughs() {
        var text = "a0: &a0 [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n"
        for i in 1..<10 {
            text += "a\(i): &a\(i) [\(Array(repeating: "*a\(i - 1)", count: 9).joined(separator: ","))]\n"
        }
        #expect(message(text).contains("more than 1000000 nodes"))
    }

    @Test func boundsBytes() {
        var limits = YAMLLimits()
        limits.bytesMax = 10
        #expect(message("a: 0123456789", limits) == "f.yml:1:1: document of 13 bytes is over 10")
    }

    @Test func survivesMutations() {
        let original = Array(
            "a: &x {b: [1, 'two', \"th\\u0072ee\"]}\nc: *x\nd: |\n  text\n  more\ne: {<<: *x, f: ~}\n".utf8)
        var random = SeededGenerator(seed: 5)
        for _ in 0..<3000 {
            var bytes = original
            for _ in 0...Int(random.next() % 4) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            bytes.removeLast(Int(random.next() % 20))
            _ = try? bytes.withUnsafeBytes { try YAMLNode(parsing: $0, file: "") }
        }
    }
}
