import Bedrock

/// Writes JSON (RFC 8259) into a buffer, compactly, placing the commas itself.
///
/// Calls follow the shape of the document: `beginObject`, `key`, a value, …, `endObject`. Nesting mistakes are programmer errors; the
/// writer checks only that everything begun was ended (`finish`). One owner at a time.
public struct JSONWriter: ~Copyable {
    /// The bytes so far. Take them once the document is complete; clear them between documents.
    public var buffer: ByteBuffer
    private var needsComma = false
    private var depth = 0

    public init(capacity: Int = 1024) { buffer = ByteBuffer(capacity: capacity) }

    public mutating func beginObject() { open(UInt8(ascii: "{")) }
    public mutating func endObject() { close(UInt8(ascii: "}")) }
    public mutating func beginArray() { open(UInt8(ascii: "[")) }
    public mutating func endArray() { close(UInt8(ascii: "]")) }

    /// A key of the current object; its value follows.
    public mutating func key(_ name: StaticString) {
        separate()
        quote(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        buffer.append(UInt8(ascii: ":"))
        needsComma = false
    }

    public mutating func key(_ name: String) {
        var name = name
        name.withUTF8 { key(UnsafeRawBufferPointer($0)) }
    }

    public mutating func key(_ name: UnsafeRawBufferPointer) {
        separate()
        quote(name)
        buffer.append(UInt8(ascii: ":"))
        needsComma = false
    }

    public mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { string(UnsafeRawBufferPointer($0)) }
    }

    /// A string of UTF-8; bytes that aren't become U+FFFD.
    public mutating func string(_ text: UnsafeRawBufferPointer) {
        separate()
        quote(text)
    }

    /// A JSON number. JSON has none for NaN and infinities: they become null.
    public mutating func number(_ value: Double) {
        separate()
        if value.isFinite { buffer.append(float: value, .api) } else { buffer.append(utf8: "null" as StaticString) }
    }

    public mutating func integer<T: FixedWidthInteger>(_ value: T) {
        separate()
        buffer.append(decimal: value)
    }

    /// A sample value as Prometheus' HTTP API writes it: text in quotes, `"NaN"`, `"+Inf"` and `"-Inf"` included.
    public mutating func quotedFloat(_ value: Double) {
        separate()
        buffer.append(UInt8(ascii: "\""))
        buffer.append(float: value, .api)
        buffer.append(UInt8(ascii: "\""))
    }

    /// An integer in quotes, for those beyond what JSON readers keep exactly.
    public mutating func quotedInteger<T: FixedWidthInteger>(_ value: T) {
        separate()
        buffer.append(UInt8(ascii: "\""))
        buffer.append(decimal: value)
        buffer.append(UInt8(ascii: "\""))
    }

    /// Bytes as base64 in quotes.
    public mutating func base64(_ bytes: UnsafeRawBufferPointer) {
        separate()
        buffer.append(UInt8(ascii: "\""))
        Base64.encode(bytes, into: &buffer)
        buffer.append(UInt8(ascii: "\""))
    }

    /// A timestamp in milliseconds, written as seconds with up to three decimals, as Prometheus' HTTP API does.
    public mutating func seconds(milliseconds: Int64) {
        separate()
        buffer.append(seconds: milliseconds)
    }

    public mutating func bool(_ value: Bool) {
        separate()
        buffer.append(utf8: value ? "true" as StaticString : "false")
    }

    public mutating func null() {
        separate()
        buffer.append(utf8: "null" as StaticString)
    }

    /// A value that is JSON already.
    public mutating func raw(_ json: UnsafeRawBufferPointer) {
        separate()
        buffer.append(json)
    }

    /// Checks that every object and array was ended and hands out a copy of the bytes.
    public mutating func finish() -> [UInt8] {
        precondition(depth == 0, "JSON ends with \(depth) open objects or arrays")
        return buffer.array()
    }

    /// Starts a new document in the same memory.
    public mutating func clear() {
        buffer.clear()
        needsComma = false
        depth = 0
    }

    private mutating func separate() {
        if needsComma { buffer.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        buffer.append(bracket)
        needsComma = false
        depth += 1
    }

    private mutating func close(_ bracket: UInt8) {
        precondition(depth > 0, "JSON closes what was never opened")
        buffer.append(bracket)
        needsComma = true
        depth -= 1
    }

    private mutating func quote(_ text: UnsafeRawBufferPointer) {
        buffer.reserve(text.count + 2)
        buffer.append(UInt8(ascii: "\""))
        var plainFrom = 0
        var i = 0
        while i < text.count {
            let c = text[i]
            if c >= 0x80 {
                let length = UTF8Text.sequenceLength(text, at: i)
                if length > 0 {
                    i += length
                    continue
                }
            } else if c >= 0x20 && c != UInt8(ascii: "\"") && c != UInt8(ascii: "\\") {
                i += 1
                continue
            }
            buffer.append(UnsafeRawBufferPointer(rebasing: text[plainFrom..<i]))
            escape(c)
            i += 1
            plainFrom = i
        }
        buffer.append(UnsafeRawBufferPointer(rebasing: text[plainFrom...]))
        buffer.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ c: UInt8) {
        switch c {
        case UInt8(ascii: "\""): buffer.append(utf8: "\\\"" as StaticString)
        case UInt8(ascii: "\\"): buffer.append(utf8: "\\\\" as StaticString)
        case UInt8(ascii: "\n"): buffer.append(utf8: "\\n" as StaticString)
        case UInt8(ascii: "\r"): buffer.append(utf8: "\\r" as StaticString)
        case UInt8(ascii: "\t"): buffer.append(utf8: "\\t" as StaticString)
        case 0..<0x20:
            buffer.append(utf8: "\\u00" as StaticString)
            buffer.append(c < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
            let low: UInt8 = c & 0xF
            buffer.append(UInt8(low < 10 ? 48 + low : 87 + low))
        default: buffer.append(utf8: "\u{FFFD}" as StaticString)
        }
    }
}
