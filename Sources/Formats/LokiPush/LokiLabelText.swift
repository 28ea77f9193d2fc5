import Bedrock

/// A stream's labels as Loki's protobuf push has them: the text `{name="value", other="value"}`, strings as in Go.
struct LokiLabelText {
    private var p: UnsafePointer<UInt8>
    private let end: UnsafePointer<UInt8>

    /// Gathers the labels of `text` in `labels`; what had to be unescaped stands in `scratch`. False when it is no label set.
    static func gather(
        _ text: UnsafeRawBufferPointer, into labels: inout LabelSetWriter, _ scratch: inout ScratchArena
    ) -> Bool {
        guard let base = text.assumingMemoryBound(to: UInt8.self).baseAddress else { return false }
        var reader = LokiLabelText(p: base, end: base + text.count)
        return reader.read(&labels, &scratch)
    }

    private init(p: UnsafePointer<UInt8>, end: UnsafePointer<UInt8>) {
        self.p = p
        self.end = end
    }

    private mutating func read(_ labels: inout LabelSetWriter, _ scratch: inout ScratchArena) -> Bool {
        guard take(UInt8(ascii: "{")) else { return false }
        while !take(UInt8(ascii: "}")) {
            let start = p
            while p < end, FieldNames.isPlain(p.pointee) { p += 1 }
            let name = UnsafeRawBufferPointer(start: start, count: p - start)
            guard !name.isEmpty, take(UInt8(ascii: "=")), let value = value(&scratch) else { return false }
            labels.add(name, value)
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { return false }
            break
        }
        skipBlanks()
        return p == end
    }

    private mutating func skipBlanks() {
        while p < end, p.pointee == 0x20 || p.pointee == 0x09 || p.pointee == 0x0A || p.pointee == 0x0D { p += 1 }
    }

    /// Consumes `c` and the blanks around it, if it is next.
    private mutating func take(_ c: UInt8) -> Bool {
        skipBlanks()
        guard p < end, p.pointee == c else { return false }
        p += 1
        skipBlanks()
        return true
    }

    private mutating func value(_ scratch: inout ScratchArena) -> UnsafeRawBufferPointer? {
        guard p < end else { return nil }
        if p.pointee == UInt8(ascii: "`") { return rawValue() }
        guard p.pointee == UInt8(ascii: "\"") else { return nil }
        p += 1
        let start = p
        var isEscaped = false
        while p < end, p.pointee != UInt8(ascii: "\"") {
            if p.pointee == UInt8(ascii: "\\") {
                isEscaped = true
                p += 1
                guard p < end else { return nil }
            }
            p += 1
        }
        guard p < end else { return nil }
        let raw = UnsafeRawBufferPointer(start: start, count: p - start)
        p += 1
        skipBlanks()
        return isEscaped ? scratch.text(bytesMax: raw.count) { GoEscapes.unescape(raw, into: $0) } : raw
    }

    private mutating func rawValue() -> UnsafeRawBufferPointer? {
        p += 1
        let start = p
        while p < end, p.pointee != UInt8(ascii: "`") { p += 1 }
        guard p < end else { return nil }
        defer { p += 1 }
        return UnsafeRawBufferPointer(start: start, count: p - start)
    }
}

/// The escapes of Go's interpreted strings.
enum GoEscapes {
    /// Writes the text to `room`, which has room for as many bytes as `raw` has; nil for a bad escape.
    static func unescape(_ raw: UnsafeRawBufferPointer, into room: UnsafeMutableRawPointer) -> Int? {
        var out = 0
        var i = 0
        func put(_ byte: UInt8) {
            room.storeBytes(of: byte, toByteOffset: out, as: UInt8.self)
            out += 1
        }
        while i < raw.count {
            guard raw[i] == UInt8(ascii: "\\") else {
                put(raw[i])
                i += 1
                continue
            }
            guard i + 1 < raw.count else { return nil }
            let kind = raw[i + 1]
            i += 2
            switch kind {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): put(kind)
            case UInt8(ascii: "n"): put(10)
            case UInt8(ascii: "t"): put(9)
            case UInt8(ascii: "r"): put(13)
            case UInt8(ascii: "a"): put(7)
            case UInt8(ascii: "b"): put(8)
            case UInt8(ascii: "f"): put(12)
            case UInt8(ascii: "v"): put(11)
            case UInt8(ascii: "x"):
                guard let value = number(raw, &i, digits: 2, radix: 16) else { return nil }
                put(UInt8(truncatingIfNeeded: value))
            case UInt8(ascii: "0")...UInt8(ascii: "7"):
                i -= 1
                guard let value = number(raw, &i, digits: 3, radix: 8), value < 256 else { return nil }
                put(UInt8(truncatingIfNeeded: value))
            case UInt8(ascii: "u"), UInt8(ascii: "U"):
                let digits = kind == UInt8(ascii: "u") ? 4 : 8
                guard let value = number(raw, &i, digits: digits, radix: 16), let scalar = Unicode.Scalar(value) else {
                    return nil
                }
                for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { put(byte) }
            default: return nil
            }
        }
        return out
    }

    private static func number(
        _ raw: UnsafeRawBufferPointer, _ i: inout Int, digits: Int, radix: UInt32
    ) -> UInt32? {
        guard i + digits <= raw.count else { return nil }
        var value: UInt32 = 0
        for c in raw[i..<i + digits] {
            let letter = (c | 0x20) &- 97
            let digit = c &- 48 < 10 ? UInt32(c &- 48) : letter < 6 ? UInt32(letter) + 10 : 99
            guard digit < radix else { return nil }
            value = value &* radix &+ digit
        }
        i += digits
        return value
    }
}
