import Bedrock
import Model

/// Gathers one text field over the rows of a block and writes it as a `TextColumn`. Reused from block to block; not thread-safe.
public final class TextColumnWriter {
    private let texts = LineArena(capacity: 4096)
    private var present: [Bool] = []
    private let distinct = LineArena(capacity: 4096)
    private var table: [UInt64: Int32] = [:]
    /// Which distinct text a present row has.
    private var indexes: [Int32] = []
    private let scratch = ColumnScratch()

    public init() {}

    public var rowCount: Int { present.count }
    public var memoryBytes: Int {
        texts.bytes.allocatedBytes + distinct.bytes.allocatedBytes + indexes.capacity * 4 + table.capacity * 16
    }

    /// The next row has `text`.
    public func append(_ text: UnsafeRawBufferPointer) {
        present.append(true)
        texts.append(text)
    }

    /// The next `count` rows lack the field.
    public func appendAbsent(_ count: Int = 1) { present.append(contentsOf: repeatElement(false, count: count)) }

    public func clear() {
        texts.clear()
        present.removeAll(keepingCapacity: true)
    }

    /// Appends the column in its smallest form, and starts anew.
    public func encode(into target: inout ByteBuffer) {
        defer { clear() }
        scratch.reserve(max(texts.count, 1))
        gatherDistinct()
        if distinct.count <= 1 {
            writeHead(.constant, into: &target)
            target.append(prefixed: distinct.count == 1 ? distinct[0] : UnsafeRawBufferPointer(start: nil, count: 0))
            return
        }
        if let digits = hexDigits() {
            // A dictionary still wins where ids repeat a lot, as those of spans with many lines.
            if distinct.count * 2 > texts.count { return encodeHex(digits, into: &target) }
        } else if readDecimals() {
            return encodeDecimals(into: &target)
        }
        if distinct.count * 4 <= texts.count * 3 {
            writeHead(.dictionary, into: &target)
            TextArena.encode(distinct, level: 3, scratch: scratch, into: &target)
            IntegerColumn.encode(indexes, scratch: scratch, into: &target)
        } else {
            writeHead(.arena, into: &target)
            TextArena.encode(texts, level: 3, scratch: scratch, into: &target)
        }
    }

    private func gatherDistinct() {
        distinct.clear()
        table.removeAll(keepingCapacity: true)
        indexes.removeAll(keepingCapacity: true)
        for i in 0..<texts.count {
            let text = texts[i]
            var hash = ByteHash.of(text)
            while true {
                guard let known = table[hash] else {
                    table[hash] = Int32(distinct.count)
                    indexes.append(Int32(distinct.count))
                    distinct.append(text)
                    break
                }
                if distinct[Int(known)].elementsEqual(text) {
                    indexes.append(known)
                    break
                }
                hash &+= 1
            }
        }
    }

    private func writeHead(_ form: TextColumn.Form, into target: inout ByteBuffer) {
        target.append(form.rawValue)
        if texts.count == present.count {
            target.append(UInt8(0))
        } else if texts.count == 0 {
            target.append(UInt8(1))
        } else {
            target.append(UInt8(2))
            var byte: UInt8 = 0
            for (row, isPresent) in present.enumerated() {
                if isPresent { byte |= 1 << UInt8(row & 7) }
                if row & 7 == 7 || row == present.count - 1 {
                    target.append(byte)
                    byte = 0
                }
            }
        }
    }

    /// The length of all texts, when they are lower-case hexadecimal of one even length.
    private func hexDigits() -> Int? {
        let digits = texts[0].count
        guard digits > 0, digits % 2 == 0, digits <= 64, texts.bytes.count == digits * texts.count else { return nil }
        for i in 0..<texts.count where texts[i].count != digits { return nil }
        for byte in texts.bytes.bytes where HexText.value(byte) == nil { return nil }
        return digits
    }

    private func encodeHex(_ digits: Int, into target: inout ByteBuffer) {
        writeHead(.hex, into: &target)
        target.append(UInt8(digits))
        let bytes = texts.bytes.bytes
        for i in stride(from: 0, to: bytes.count, by: 2) {
            target.append((HexText.value(bytes[i]) ?? 0) << 4 | (HexText.value(bytes[i + 1]) ?? 0))
        }
    }

    /// Reads all texts as whole numbers that print as they are written.
    private func readDecimals() -> Bool {
        for i in 0..<texts.count {
            guard let number = Self.decimal(texts[i]) else { return false }
            scratch.integers[i] = number
        }
        return true
    }

    private func encodeDecimals(into target: inout ByteBuffer) {
        writeHead(.decimal, into: &target)
        IntegerColumn.encode(scratch.integers, count: texts.count, scratch: scratch, into: &target)
    }

    private static func decimal(_ text: UnsafeRawBufferPointer) -> Int64? {
        let isNegative = text.first == 45
        let digits = isNegative ? text.count - 1 : text.count
        guard digits > 0, digits <= 18 else { return nil }
        let first = text[text.count - digits]
        guard first != 48 || (digits == 1 && !isNegative) else { return nil }
        var value: Int64 = 0
        for i in text.count - digits..<text.count {
            let digit = text[i] &- 48
            guard digit < 10 else { return nil }
            value = value * 10 + Int64(digit)
        }
        return isNegative ? -value : value
    }
}
