import Bedrock

/// Takes a line apart into fixed text and values. Keeps the last result; not thread-safe.
///
/// `.fine` replaces only runs of three and more digits: what stays is nearly as distinct as the line's meaning, and repeats. `.coarse` also
/// replaces short numbers and hexadecimal words, for lines whose fine patterns would not.
struct LineMasker: ~Copyable {
    enum Grain {
        case fine
        case coarse
    }

    /// Shorter runs of digits stay in the fixed text of fine patterns.
    private static let fineDigitsMin = 3
    /// Shorter words of hexadecimal digits with letters are words.
    private static let hexMin = 6

    /// The line with room to be loaded by words behind its end.
    private let source: UnsafeMutablePointer<UInt8>
    private let target: UnsafeMutablePointer<UInt8>
    private(set) var maskedCount = 0
    private(set) var valueCount = 0
    let values: UnsafeMutablePointer<UInt64>
    let codes: UnsafeMutablePointer<UInt8>

    init() {
        source = .allocate(capacity: LineLimits.patternBytesMax + 32)
        target = .allocate(capacity: LineLimits.patternBytesMax * 2 + 64)
        values = .allocate(capacity: LineLimits.slotsMax)
        codes = .allocate(capacity: LineLimits.slotsMax)
    }

    deinit {
        source.deallocate()
        target.deallocate()
        values.deallocate()
        codes.deallocate()
    }

    /// The fixed text with slots of the line masked last.
    var masked: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: target, count: maskedCount) }

    /// Takes `line` apart; false when it is too long or has too many variable parts.
    mutating func mask(_ line: UnsafeRawBufferPointer, _ grain: Grain) -> Bool {
        guard line.count <= LineLimits.patternBytesMax else { return false }
        maskedCount = 0
        valueCount = 0
        let count = line.count
        if let base = line.baseAddress { UnsafeMutableRawPointer(source).copyMemory(from: base, byteCount: count) }
        (source + count).initialize(repeating: 0, count: 24)
        return grain == .fine ? maskFine(count) : maskCoarse(count)
    }

    private mutating func maskFine(_ count: Int) -> Bool {
        var at = 0
        var out = 0
        while at < count {
            let word = Self.load(source + at)
            // The high bit of each byte: no digit; and: the byte 0xFF, which is an escape.
            let plain = Self.nonDigits(word)
            let digits = ~plain & 0x8080_8080_8080_8080
            let escapes = word & (word &<< 1) & 0x8080_8080_8080_8080
            if digits | escapes == 0 {
                Self.store(word, target + out)
                at += 8
                out += 8
                continue
            }
            let skip = (digits | escapes).trailingZeroBitCount >> 3
            Self.store(word, target + out)
            at += skip
            out += skip
            guard at < count else { break }
            let byte = source[at]
            if byte >= 0x80 {
                target[out] = byte
                out += 1
                at += 1
                if byte == SlotCode.escape {
                    target[out] = SlotCode.escapedByte
                    out += 1
                }
                continue
            }
            var end = at + 1
            while source[end] &- 48 < 10 { end += 1 }
            if end - at < Self.fineDigitsMin {
                while at < end {
                    target[out] = source[at]
                    out += 1
                    at += 1
                }
            } else {
                guard putDigits(at, end, &out) else { return false }
                at = end
            }
        }
        // Whole words were stored; what lies behind the line is not part of it.
        maskedCount = out - max(0, at - count)
        return true
    }

    private mutating func maskCoarse(_ count: Int) -> Bool {
        var at = 0
        var out = 0
        while at < count {
            let byte = source[at]
            guard byte &- 48 < 10 || (byte | 32) &- 97 < 26 else {
                target[out] = byte
                out += 1
                at += 1
                if byte == SlotCode.escape {
                    target[out] = SlotCode.escapedByte
                    out += 1
                }
                continue
            }
            // A word of letters and digits.
            var end = at
            var digits = 0
            var lower = 0
            var upper = 0
            var others = 0
            while true {
                let c = source[end]
                if c &- 48 < 10 {
                    digits += 1
                } else if c &- 97 < 6 {
                    lower += 1
                } else if c &- 65 < 6 {
                    upper += 1
                } else if (c | 32) &- 97 < 26 {
                    others += 1
                } else {
                    break
                }
                end += 1
            }
            let isHex = others == 0 && digits > 0 && lower + upper > 0 && (lower == 0 || upper == 0)
            if isHex, end - at >= Self.hexMin {
                guard putHex(at, end, isUpper: upper > 0, &out) else { return false }
            } else {
                guard putWord(at, end, &out) else { return false }
            }
            at = end
        }
        maskedCount = out
        return true
    }

    /// A word whose runs of digits are replaced.
    private mutating func putWord(_ start: Int, _ end: Int, _ out: inout Int) -> Bool {
        var at = start
        while at < end {
            guard source[at] &- 48 < 10 else {
                target[out] = source[at]
                out += 1
                at += 1
                continue
            }
            var stop = at + 1
            while stop < end, source[stop] &- 48 < 10 { stop += 1 }
            let length = stop - at
            if length <= SlotCode.digitsMax, source[at] != 48 || length == 1 {
                guard put(parse(at, stop), SlotCode.decimal, &out) else { return false }
            } else {
                guard putDigits(at, stop, &out) else { return false }
            }
            at = stop
        }
        return true
    }

    private mutating func putHex(_ start: Int, _ end: Int, isUpper: Bool, _ out: inout Int) -> Bool {
        var at = start
        while at < end {
            let stop = min(at + 16, end)
            var value: UInt64 = 0
            for i in at..<stop {
                let c = source[i]
                value = value << 4 | UInt64(c < 58 ? c &- 48 : (c | 32) &- 87)
            }
            let code = (isUpper ? SlotCode.upperHex : SlotCode.lowerHex) + UInt8(stop - at)
            guard put(value, code, &out) else { return false }
            at = stop
        }
        return true
    }

    /// A run of digits in slots of fixed length.
    private mutating func putDigits(_ start: Int, _ end: Int, _ out: inout Int) -> Bool {
        var at = start
        while at < end {
            let stop = min(at + SlotCode.digitsMax, end)
            guard put(parse(at, stop), UInt8(stop - at), &out) else { return false }
            at = stop
        }
        return true
    }

    @inline(__always) private mutating func put(_ value: UInt64, _ code: UInt8, _ out: inout Int) -> Bool {
        guard valueCount < LineLimits.slotsMax else { return false }
        values[valueCount] = value
        codes[valueCount] = code
        valueCount += 1
        target[out] = SlotCode.escape
        target[out + 1] = code
        out += 2
        return true
    }

    @inline(__always) private func parse(_ start: Int, _ end: Int) -> UInt64 {
        var value: UInt64 = 0
        var at = start
        while end - at >= 8 {
            var word = Self.load(source + at) &- 0x3030_3030_3030_3030
            // Pairs, fours, eights of digits: the usual trick with three multiplications.
            word = (word &* 10) &+ (word &>> 8)
            word =
                ((word & 0x0000_00FF_0000_00FF) &* 0x000F_4240_0000_0064
                    &+ ((word &>> 16) & 0x0000_00FF_0000_00FF) &* 0x0000_2710_0000_0001) &>> 32
            value = value &* 100_000_000 &+ (word & 0xFFFF_FFFF)
            at += 8
        }
        while at < end {
            value = value &* 10 &+ UInt64(source[at] &- 48)
            at += 1
        }
        return value
    }

    @inline(__always) private static func load(_ at: UnsafeMutablePointer<UInt8>) -> UInt64 {
        UInt64(littleEndian: UnsafeRawPointer(at).loadUnaligned(as: UInt64.self))
    }

    @inline(__always) private static func store(_ word: UInt64, _ at: UnsafeMutablePointer<UInt8>) {
        UnsafeMutableRawPointer(at).storeBytes(of: word.littleEndian, as: UInt64.self)
    }

    /// The high bit of every byte that is no ASCII digit.
    @inline(__always) private static func nonDigits(_ word: UInt64) -> UInt64 {
        let x = word ^ 0x3030_3030_3030_3030
        return (((x & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x7676_7676_7676_7676) | x) & 0x8080_8080_8080_8080
    }
}
