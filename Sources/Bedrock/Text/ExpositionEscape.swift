extension ByteBuffer {
    /// Appends `text` as expositions write label values (`\\`, `\n` and `\"`) or, without `quotes`, help texts (`\\` and `\n`).
    public mutating func append(escaped text: UnsafeRawBufferPointer, quotes: Bool) {
        var plainFrom = 0
        for i in 0..<text.count {
            let letter: UInt8
            switch text[i] {
            case UInt8(ascii: "\\"): letter = UInt8(ascii: "\\")
            case UInt8(ascii: "\n"): letter = UInt8(ascii: "n")
            case UInt8(ascii: "\"") where quotes: letter = UInt8(ascii: "\"")
            default: continue
            }
            append(UnsafeRawBufferPointer(rebasing: text[plainFrom..<i]))
            append(UInt8(ascii: "\\"))
            append(letter)
            plainFrom = i + 1
        }
        append(UnsafeRawBufferPointer(rebasing: text[plainFrom...]))
    }

    public mutating func append(escaped text: String, quotes: Bool) {
        var text = text
        text.withUTF8 { append(escaped: UnsafeRawBufferPointer($0), quotes: quotes) }
    }
}
