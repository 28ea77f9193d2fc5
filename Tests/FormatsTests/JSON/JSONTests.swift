import Bedrock
import Formats
import Testing

@Suite struct JSONTests {
    @Test func writesAndReadsBack() throws {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("a\"b")
        writer.beginArray()
        writer.integer(Int64.min)
        writer.number(1.5)
        writer.number(.nan)
        writer.quotedFloat(.infinity)
        writer.beginObject()
        writer.endObject()
        writer.beginArray()
        writer.endArray()
        writer.endArray()
        writer.key("text")
        writer.string("tab\t nl\n bell\u{07} é 😀 \\ /")
        writer.key("flag")
        writer.bool(true)
        writer.key("none")
        writer.null()
        writer.endObject()
        let bytes = writer.finish()
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"a\"b":[-9223372036854775808,1.5,null,"+Inf",{},[]],"text":"tab\t nl\n bell\u0007 é 😀 \\ /","flag":true,"none":null}"#
        )
        let value = try JSONValue(parsing: String(decoding: bytes, as: UTF8.self))
        #expect(value["text"]?.string == "tab\t nl\n bell\u{07} é 😀 \\ /")
        #expect(value["a\"b"]?[1]?.number == 1.5)
        #expect(value["a\"b"]?[9] == nil)
        #expect(value["none"]?.isNull == true)
        #expect(value.object?.keys == ["a\"b", "text", "flag", "none"])
        #expect(try JSONValue(parsing: value.text) == value)
    }

    @Test func replacesInvalidUTF8() {
        var writer = JSONWriter()
        let bytes: [UInt8] = [0x61, 0xFF, 0xC3, 0xA9, 0xED, 0xA0, 0x80, 0xE2, 0x82]
        bytes.withUnsafeBytes { writer.string($0) }
        #expect(
            String(decoding: writer.finish(), as: UTF8.self) == "\"a\u{FFFD}é\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\""
        )
    }

    @Test(
        arguments: [(0, "0"), (1, "0.001"), (1500, "1.5"), (1_700_000_000_120, "1700000000.12"), (-1001, "-1.001")]
            as [(Int64, String)])
    func writesSeconds(_ milliseconds: Int64, _ text: String) {
        var writer = JSONWriter()
        writer.seconds(milliseconds: milliseconds)
        #expect(String(decoding: writer.finish(), as: UTF8.self) == text)
    }

    @Test func readsEscapes() throws {
        #expect(try JSONValue(parsing: #""\u00e9\ud83d\ude00\/\b\f""#).string == "é😀/\u{08}\u{0C}")
        #expect(try JSONValue(parsing: #""\ud83d x \ude00\ud83dA""#).string == "\u{FFFD} x \u{FFFD}\u{FFFD}A")
        #expect(try JSONValue(parsing: " [1, -0.5e+1 ,\ttrue]\r\n") == [1, -5.0, true])
    }

    @Test(arguments: [
        ("", "1:1: unexpected end of the document"),
        ("{\n  \"a\" 1}", "2:7: expected ':' behind the key \"a\""),
        ("[1,\n 2,]", "2:4: expected a value"),
        ("[1 2]", "1:4: expected ',' or ']'"),
        ("{\"a\":1,}", "1:8: expected a key in double quotes"),
        ("\"abc", "1:1: string is not closed"),
        ("\"a\nb\"", "1:3: control character in a string; write it as an escape"),
        ("\"a\\q\"", "1:3: unknown escape in a string"),
        ("\"\\u12g4\"", "1:6: expected four hexadecimal digits behind \\u"),
        ("01", "1:2: unexpected text behind the document"),
        ("1.", "1:3: expected digits behind the decimal point"),
        ("1e", "1:3: expected digits in the exponent"),
        ("1e999", "1:1: number is out of range"),
        ("nul", "1:1: unexpected word; JSON knows true, false and null"),
        ("NaN", "1:1: expected a value"),
        ("{} x", "1:4: unexpected text behind the document"),
    ])
    func saysWhere(_ text: String, _ message: String) {
        #expect { try JSONValue(parsing: text) } throws: { ($0 as? JSONError)?.description == message }
    }

    @Test func boundsDepthAndSize() throws {
        let deep = String(repeating: "[", count: 100_000)
        #expect { try JSONValue(parsing: deep) } throws: { "\($0)" == "1:130: nested deeper than 128 levels" }
        let ok = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        _ = try JSONValue(parsing: ok)
        let bytes: [UInt8] = Array("[1,2,3]".utf8)
        #expect(throws: JSONError.self) { try bytes.withUnsafeBytes { try JSONValue(parsing: $0, bytesMax: 4) } }
    }

    @Test func survivesMutations() throws {
        let original = Array(#"{"a":[1,2.5e3,{"b":"x\u00e9y"}],"c":null,"d":true}"#.utf8)
        var random = SeededGenerator(seed: 3)
        for _ in 0..<5000 {
            var bytes = original
            for _ in 0...Int(random.next() % 3) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            bytes.removeLast(Int(random.next() % 8))
            if let value = try? bytes.withUnsafeBytes({ try JSONValue(parsing: $0) }) {
                #expect(try JSONValue(parsing: value.text) == value)
            }
        }
    }
}
