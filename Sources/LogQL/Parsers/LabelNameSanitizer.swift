import Bedrock

/// Turns keys of data into names of labels.
enum LabelNameSanitizer {
    /// Appends `key` to `name`, of which `start` is the first byte: blanks at both ends cut, each character outside of [A-Za-z0-9_] as `_`,
    /// and a `_` before a digit that would begin the name.
    static func append(_ key: UnsafeRawBufferPointer, to name: inout ByteBuffer) {
        var i = 0
        var end = key.count
        while i < end, isBlank(key[i]) { i += 1 }
        while end > i, isBlank(key[end - 1]) { end -= 1 }
        if i < end, name.isEmpty, key[i] &- 48 < 10 { name.append(UInt8(ascii: "_")) }
        while i < end {
            let c = key[i]
            if isWord(c) {
                name.append(c)
                i += 1
            } else {
                name.append(UInt8(ascii: "_"))
                i += max(UTF8Text.sequenceLength(key, at: i), 1)
            }
        }
    }

    static func isBlank(_ c: UInt8) -> Bool { c == 32 || (c >= 9 && c <= 13) }

    static func isAllBlank(_ key: UnsafeRawBufferPointer) -> Bool { key.allSatisfy(isBlank) }

    /// [A-Za-z0-9_]
    @inline(__always)
    static func isWord(_ c: UInt8) -> Bool { (c | 0x20) &- 97 < 26 || c &- 48 < 10 || c == UInt8(ascii: "_") }
}
