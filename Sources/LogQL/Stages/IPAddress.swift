/// An IPv4 or IPv6 address as a number.
struct IPAddress: Comparable {
    /// IPv4 in the low 32 bits.
    let value: UInt128
    let isV6: Bool

    static func < (a: IPAddress, b: IPAddress) -> Bool { a.isV6 == b.isV6 ? a.value < b.value : b.isV6 }

    /// Reads the whole of `text` as an address.
    init?(_ text: UnsafeRawBufferPointer) {
        guard text.count >= 2 else { return nil }
        if text.contains(UInt8(ascii: ":")) {
            guard let value = Self.v6(text) else { return nil }
            self.value = value
            isV6 = true
        } else {
            guard let value = Self.v4(text, 0, text.count) else { return nil }
            self.value = UInt128(value)
            isV6 = false
        }
    }

    init(value: UInt128, isV6: Bool) {
        self.value = value
        self.isV6 = isV6
    }

    /// Four numbers up to 255, no leading zeros.
    private static func v4(_ text: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> UInt32? {
        var value: UInt32 = 0
        var i = start
        for part in 0..<4 {
            if part > 0 {
                guard i < end, text[i] == UInt8(ascii: ".") else { return nil }
                i += 1
            }
            let first = i
            var number: UInt32 = 0
            while i < end, i - first < 3, text[i] &- 48 < 10 {
                number = number * 10 + UInt32(text[i] &- 48)
                i += 1
            }
            guard i > first, number < 256, i - first == 1 || text[first] != UInt8(ascii: "0") else { return nil }
            value = value << 8 | number
        }
        return i == end ? value : nil
    }

    /// Up to eight groups of up to four hexadecimal digits, `::` once at most, the last two groups as IPv4 if they like.
    private static func v6(_ text: UnsafeRawBufferPointer) -> UInt128? {
        var value: UInt128 = 0
        var groups = 0
        /// Groups before the `::`.
        var gapAt = -1
        var i = 0
        if text[0] == UInt8(ascii: ":") {
            guard text[1] == UInt8(ascii: ":") else { return nil }
            gapAt = 0
            i = 2
        }
        while i < text.count {
            guard groups < 8 else { return nil }
            let first = i
            var number: UInt32 = 0
            while i < text.count, i - first < 4, let digit = hexadecimal(text[i]) {
                number = number << 4 | digit
                i += 1
            }
            guard i > first else { return nil }
            if i < text.count, text[i] == UInt8(ascii: ".") {
                guard groups <= 6, let tail = v4(text, first, text.count) else { return nil }
                value = value << 32 | UInt128(tail)
                groups += 2
                i = text.count
                break
            }
            value = value << 16 | UInt128(number)
            groups += 1
            if i == text.count { break }
            guard text[i] == UInt8(ascii: ":") else { return nil }
            i += 1
            guard i < text.count else { return nil }
            if text[i] == UInt8(ascii: ":") {
                guard gapAt < 0 else { return nil }
                gapAt = groups
                i += 1
            }
        }
        if gapAt < 0 { return groups == 8 ? value : nil }
        guard groups < 8 else { return nil }
        let behind = UInt128((groups - gapAt) * 16)
        let low = behind == 0 ? 0 : value & (~0 >> (128 - behind))
        let high = value >> behind
        return gapAt == 0 ? low : high << UInt128((8 - gapAt) * 16) | low
    }

    private static func hexadecimal(_ c: UInt8) -> UInt32? {
        if c &- 48 < 10 { return UInt32(c &- 48) }
        return (c | 0x20) &- 97 < 6 ? UInt32((c | 0x20) &- 87) : nil
    }
}

/// The pattern of `ip("...")`: an address, a range `a-b`, or a network in CIDR notation. Also finds addresses in lines.
public struct IPMatcher: Equatable, Sendable {
    private let first: UInt128
    private let last: UInt128
    private let isV6: Bool

    /// - Throws: `ip: invalid pattern ...`
    public init(_ pattern: String) throws(PipelineError) {
        var copy = pattern
        let range = copy.withUTF8 { Self.parse(UnsafeRawBufferPointer($0)) }
        guard let range else {
            throw PipelineError(
                "ip: invalid pattern: \"\(pattern)\" is no address, range (192.168.0.1-192.168.0.9) or network (192.168.0.0/16)"
            )
        }
        (first, last, isV6) = range
    }

    private static func parse(_ text: UnsafeRawBufferPointer) -> (UInt128, UInt128, Bool)? {
        if let dash = text.firstIndex(of: UInt8(ascii: "-")) {
            guard let low = IPAddress(UnsafeRawBufferPointer(rebasing: text[..<dash])),
                let high = IPAddress(UnsafeRawBufferPointer(rebasing: text[(dash + 1)...])), low.isV6 == high.isV6,
                low <= high
            else { return nil }
            return (low.value, high.value, low.isV6)
        }
        guard let slash = text.firstIndex(of: UInt8(ascii: "/")) else {
            return IPAddress(text).map { ($0.value, $0.value, $0.isV6) }
        }
        guard let address = IPAddress(UnsafeRawBufferPointer(rebasing: text[..<slash])) else { return nil }
        let digits = text[(slash + 1)...]
        let bits = address.isV6 ? 128 : 32
        guard !digits.isEmpty, digits.count <= 3, digits.allSatisfy({ $0 &- 48 < 10 }) else { return nil }
        let length = digits.reduce(0) { $0 * 10 + Int($1 &- 48) }
        guard length <= bits, digits.count == 1 || digits.first != UInt8(ascii: "0") else { return nil }
        let hosts: UInt128 = length == bits ? 0 : ~0 >> UInt128(128 - (bits - length))
        return (address.value & ~hosts, address.value | hosts, address.isV6)
    }

    func matches(_ address: IPAddress) -> Bool {
        address.isV6 == isV6 && address.value >= first && address.value <= last
    }

    /// Whether any address in `text` goes by the pattern.
    ///
    /// An IPv4 address is a longest run of digits and points, an IPv6 address one of hexadecimal digits, colons and points that no letter
    /// precedes; points at the end of a sentence and a colon behind it don't count.
    public func matchesAny(in text: UnsafeRawBufferPointer) -> Bool { isV6 ? findV6(text) : findV4(text) }

    private func findV4(_ text: UnsafeRawBufferPointer) -> Bool {
        var i = 0
        while i < text.count {
            guard text[i] &- 48 < 10 else {
                i += 1
                continue
            }
            let start = i
            while i < text.count, text[i] &- 48 < 10 || text[i] == UInt8(ascii: ".") { i += 1 }
            var end = i
            while end > start, text[end - 1] == UInt8(ascii: ".") { end -= 1 }
            guard end - start >= 7, end - start <= 15,
                let address = IPAddress(UnsafeRawBufferPointer(rebasing: text[start..<end])), !address.isV6
            else { continue }
            if matches(address) { return true }
        }
        return false
    }

    private func findV6(_ text: UnsafeRawBufferPointer) -> Bool {
        var i = 0
        while i < text.count {
            guard Self.isV6Byte(text[i]) else {
                i += 1
                continue
            }
            let start = i
            var colons = 0
            while i < text.count, Self.isV6Byte(text[i]) {
                if text[i] == UInt8(ascii: ":") { colons += 1 }
                i += 1
            }
            if colons < 2 || (start > 0 && LabelNameSanitizer.isWord(text[start - 1])) { continue }
            var end = i
            if matchesV6(text, start, end) { return true }
            while end > start, text[end - 1] == UInt8(ascii: ".") || text[end - 1] == UInt8(ascii: ":") {
                end -= 1
                if matchesV6(text, start, end) { return true }
            }
        }
        return false
    }

    private func matchesV6(_ text: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Bool {
        guard end - start >= 2, end - start <= 45,
            let address = IPAddress(UnsafeRawBufferPointer(rebasing: text[start..<end]))
        else { return false }
        return matches(address)
    }

    private static func isV6Byte(_ c: UInt8) -> Bool {
        c &- 48 < 10 || (c | 0x20) &- 97 < 6 || c == UInt8(ascii: ":") || c == UInt8(ascii: ".")
    }
}
