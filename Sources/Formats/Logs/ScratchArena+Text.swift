import Bedrock

/// Texts of numbers and bytes.
extension ScratchArena {
    mutating func decimal(_ value: UInt64) -> UnsafeRawBufferPointer {
        let text = text(bytesMax: 20) { room in
            var digits = InlineArray<20, UInt8>(repeating: 0)
            var count = 0
            var rest = value
            repeat {
                digits[count] = UInt8(truncatingIfNeeded: rest % 10) + 48
                rest /= 10
                count += 1
            } while rest > 0
            for i in 0..<count { room.storeBytes(of: digits[count - 1 - i], toByteOffset: i, as: UInt8.self) }
            return count
        }
        return text ?? .nothing
    }

    mutating func decimal(_ value: Int64) -> UnsafeRawBufferPointer {
        if value >= 0 { return decimal(UInt64(value)) }
        let digits = decimal(value.magnitude)
        let text = text(bytesMax: 21) { room in
            room.storeBytes(of: UInt8(ascii: "-"), as: UInt8.self)
            if let start = digits.baseAddress { (room + 1).copyMemory(from: start, byteCount: digits.count) }
            return digits.count + 1
        }
        return text ?? digits
    }

    /// Two lower-case digits a byte.
    mutating func hex(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let text = text(bytesMax: bytes.count * 2) { room in
            for i in 0..<bytes.count {
                room.storeBytes(of: Self.hexDigit(bytes[i] >> 4), toByteOffset: 2 * i, as: UInt8.self)
                room.storeBytes(of: Self.hexDigit(bytes[i] & 15), toByteOffset: 2 * i + 1, as: UInt8.self)
            }
            return bytes.count * 2
        }
        return text ?? .nothing
    }

    /// ASCII letters in lower case.
    mutating func lowercased(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let text = text(bytesMax: bytes.count) { room in
            for i in 0..<bytes.count {
                let c = bytes[i]
                room.storeBytes(of: c &- 65 < 26 ? c | 0x20 : c, toByteOffset: i, as: UInt8.self)
            }
            return bytes.count
        }
        return text ?? bytes
    }

    /// Standard base64 (RFC 4648) with padding.
    mutating func base64(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let text = text(bytesMax: (bytes.count + 2) / 3 * 4) { room in
            var out = 0
            var i = 0
            while i < bytes.count {
                let left = min(bytes.count - i, 3)
                var word = UInt32(bytes[i]) << 16
                if left > 1 { word |= UInt32(bytes[i + 1]) << 8 }
                if left > 2 { word |= UInt32(bytes[i + 2]) }
                for k in 0..<4 {
                    let digit = UInt8(truncatingIfNeeded: word >> UInt32(18 - 6 * k) & 63)
                    let c = k <= left ? Self.base64Digit(digit) : UInt8(ascii: "=")
                    room.storeBytes(of: c, toByteOffset: out + k, as: UInt8.self)
                }
                out += 4
                i += 3
            }
            return out
        }
        return text ?? .nothing
    }

    @inline(__always)
    private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? value + 48 : value + 87 }

    private static func base64Digit(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: value + 65
        case 26..<52: value + 71
        case 52..<62: value - 4
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }
}
