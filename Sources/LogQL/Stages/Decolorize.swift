/// `| decolorize`: lines without their terminal escapes (ECMA-48: control sequences such as colours, and operating system commands).
enum Decolorize {
    /// Bytes of an operating system command; a longer one is taken for text, so that no line is searched over and over.
    private static let commandBytesMax = 4096

    /// `line` itself when it has none, else a copy without them.
    static func strip(_ line: UnsafeRawBufferPointer, _ arena: ScratchArena) -> UnsafeRawBufferPointer {
        guard line.contains(0x1B) else { return line }
        return arena.write(bytesMax: line.count) { out in
            var count = 0
            var i = 0
            while i < line.count {
                if line[i] == 0x1B, let end = endOfEscape(line, i) {
                    i = end
                    continue
                }
                out[count] = line[i]
                count += 1
                i += 1
            }
            return count
        }
    }

    /// Behind the escape that starts at `i`; nil when it is none.
    private static func endOfEscape(_ line: UnsafeRawBufferPointer, _ i: Int) -> Int? {
        guard i + 1 < line.count else { return nil }
        switch line[i + 1] {
        case UInt8(ascii: "["):
            var at = i + 2
            while at < line.count, (0x20...0x3F).contains(line[at]) { at += 1 }
            guard at < line.count, (0x40...0x7E).contains(line[at]) else { return nil }
            return at + 1
        case UInt8(ascii: "]"):
            // Ends with BEL, or with ESC and a backslash.
            for at in (i + 2)..<max(min(line.count, i + commandBytesMax), i + 2) {
                if line[at] == 0x07 { return at + 1 }
                if line[at] == 0x1B, at + 1 < line.count, line[at + 1] == UInt8(ascii: "\\") { return at + 2 }
            }
            return nil
        default:
            var at = i + 1
            while at < line.count, (0x20...0x2F).contains(line[at]) { at += 1 }
            guard at < line.count, (0x30...0x7E).contains(line[at]) else { return nil }
            return at + 1
        }
    }
}
