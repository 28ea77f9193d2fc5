import Bedrock

/// The 16 bytes that name a trace, big-endian in two words. All zeros is no trace.
public struct TraceID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var high: UInt64
    public var low: UInt64

    @inlinable public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// From the 16 bytes of the wire; nil when there are not 16.
    @inlinable public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 16 else { return nil }
        high = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
        low = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }

    /// From 1 to 32 hexadecimal digits; shorter ones are padded with zeros in front. Nil when it is anything else.
    public init?(hex text: some StringProtocol) {
        var words: (high: UInt64, low: UInt64) = (0, 0)
        var count = 0
        for byte in text.utf8 {
            guard let digit = hexDigitValue(byte), count < 32 else { return nil }
            words.high = words.high << 4 | words.low >> 60
            words.low = words.low << 4 | UInt64(digit)
            count += 1
        }
        guard count > 0 else { return nil }
        (high, low) = words
    }

    @inlinable public var isZero: Bool { high | low == 0 }

    /// 32 lowercase hexadecimal digits.
    public var description: String { hexText(high) + hexText(low) }

    @inlinable public static func < (a: TraceID, b: TraceID) -> Bool { (a.high, a.low) < (b.high, b.low) }
}

/// The 8 bytes that name a span within its trace, big-endian. Zero is no span: the parent of a root.
public struct SpanID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var value: UInt64

    @inlinable public init(_ value: UInt64) { self.value = value }

    /// From the 8 bytes of the wire; nil when there are not 8.
    @inlinable public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 8 else { return nil }
        value = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
    }

    /// From 1 to 16 hexadecimal digits; nil when it is anything else.
    public init?(hex text: some StringProtocol) {
        guard text.utf8.count <= 16, let id = TraceID(hex: text) else { return nil }
        value = id.low
    }

    public static let none = SpanID(0)
    @inlinable public var isZero: Bool { value == 0 }

    /// 16 lowercase hexadecimal digits.
    public var description: String { hexText(value) }

    @inlinable public static func < (a: SpanID, b: SpanID) -> Bool { a.value < b.value }
}

private func hexDigitValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}

private func hexText(_ word: UInt64) -> String {
    String(unsafeUninitializedCapacity: 16) { target in
        for place in 0..<16 {
            let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * place)) & 15
            target[place] = digit < 10 ? digit + UInt8(ascii: "0") : digit - 10 + UInt8(ascii: "a")
        }
        return 16
    }
}
