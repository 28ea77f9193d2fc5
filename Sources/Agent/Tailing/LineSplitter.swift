import Bedrock
import Glibc

/// Cuts a run of bytes into lines: at `\n`, without a `\r` before it; bytes are kept as they are. Lines that are too long come in pieces.
struct LineSplitter {
    struct Line {
        /// Without the line's end.
        var bytes: UnsafeRawBufferPointer
        /// With it.
        var range: Range<Int>
        /// Which piece of a cut line this is, from 1; 0: a whole line.
        var part: UInt32
    }

    /// What to do with bytes behind the last line's end.
    enum Rest {
        /// The rest of the line is still to come.
        case wait
        /// It was waited for long enough; should more come all the same, the line counts as cut.
        case cut
        /// Nothing more comes: they are a line.
        case end
    }

    private let bytes: UnsafeRawBufferPointer
    private let lineBytesMax: Int
    /// How many bytes went into the lines so far.
    private(set) var consumed = 0
    /// Which piece of a cut line comes next; 0 at the beginning of a line.
    private(set) var part: UInt32

    init(_ bytes: UnsafeRawBufferPointer, lineBytesMax: Int, part: UInt32) {
        self.bytes = bytes
        self.lineBytesMax = lineBytesMax
        self.part = part
    }

    /// The next line; nil when the rest is no whole line.
    mutating func next(_ tail: Rest = .wait) -> Line? {
        while consumed < bytes.count {
            let start = consumed
            let window = min(bytes.count - start, lineBytesMax + 2)
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start..<start + window])
            guard let base = rest.baseAddress else { return nil }
            if let hit = memchr(base, 10, window) {
                let length = UnsafeRawPointer(hit) - base
                let isCarriage = length > 0 && rest[length - 1] == 13
                let content = isCarriage ? length - 1 : length
                if content <= lineBytesMax {
                    let line = take(content, whole: length + 1, ends: true)
                    // Behind a cut line, the mere end of it is no piece.
                    if line.bytes.isEmpty && line.part > 0 { continue }
                    return line
                }
                return take(lineBytesMax, whole: lineBytesMax, ends: false)
            }
            if window == lineBytesMax + 2 { return take(lineBytesMax, whole: lineBytesMax, ends: false) }
            if tail == .wait { return nil }
            return take(window, whole: window, ends: tail == .end)
        }
        return nil
    }

    private mutating func take(_ content: Int, whole: Int, ends: Bool) -> Line {
        let start = consumed
        consumed += whole
        let number: UInt32 = ends && part == 0 ? 0 : part &+ 1
        part = ends ? 0 : number
        return Line(
            bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<start + content]), range: start..<start + whole,
            part: number)
    }
}
