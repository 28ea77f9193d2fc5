import Bedrock
import Model

/// Why a value can't be read as a number, with the texts that Go's libraries have for it.
enum ConversionFailure {
    case float(UnsafeRawBufferPointer)
    case floatRange(UnsafeRawBufferPointer)
    case duration(UnsafeRawBufferPointer)
    case durationWithoutUnit(UnsafeRawBufferPointer)
    case durationUnit(UnsafeRawBufferPointer, of: UnsafeRawBufferPointer)
    case byteUnit(UnsafeRawBufferPointer)
    case bytesTooLarge(UnsafeRawBufferPointer)

    var description: String {
        switch self {
        case .float(let text): "strconv.ParseFloat: parsing \(quote(text)): invalid syntax"
        case .floatRange(let text): "strconv.ParseFloat: parsing \(quote(text)): value out of range"
        case .duration(let text): "time: invalid duration \(quote(text))"
        case .durationWithoutUnit(let text): "time: missing unit in duration \(quote(text))"
        case .durationUnit(let unit, let text): "time: unknown unit \(quote(unit)) in duration \(quote(text))"
        case .byteUnit(let unit): "unhandled size name: \(String(decoding: unit, as: UTF8.self))"
        case .bytesTooLarge(let text): "too large: \(String(decoding: text, as: UTF8.self))"
        }
    }

    private func quote(_ text: UnsafeRawBufferPointer) -> String { quoted(String(decoding: text, as: UTF8.self)) }
}

/// Values of labels as numbers.
enum Conversion {
    /// Go's `strconv.ParseFloat`.
    static func float(_ text: UnsafeRawBufferPointer) -> Result {
        if let value = NumberText.parseFloat(text, syntax: .go) { return .value(value) }
        return .failure(isOutOfRange(text) ? .floatRange(text) : .float(text))
    }

    enum Result {
        case value(Double)
        case failure(ConversionFailure)
    }

    /// A well-formed number without a value is one that no double reaches: then a small exponent in its place makes it readable.
    private static func isOutOfRange(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let e = text.firstIndex(where: { $0 | 0x20 == UInt8(ascii: "e") }) else {
            return text.count > 308 && text.allSatisfy { $0 &- 48 < 10 || $0 == UInt8(ascii: ".") }
        }
        let exponent = UnsafeRawBufferPointer(rebasing: text[(e + 1)...])
        return NumberText.parseFloat(UnsafeRawBufferPointer(rebasing: text[..<e])) != nil
            && NumberText.parseInteger(exponent) != nil
    }

    /// Seconds of a Go duration.
    static func seconds(_ text: UnsafeRawBufferPointer) -> Result {
        switch GoDuration.parse(text) {
        case .success(let value): .value(Double(value) / 1e9)
        case .failure(let failure): .failure(Self.failure(failure, of: text))
        }
    }

    /// Why a text is no duration, in Go's words.
    static func failure(_ failure: GoDuration.Failure, of text: UnsafeRawBufferPointer) -> ConversionFailure {
        switch failure {
        case .malformed: .duration(text)
        case .missingUnit: .durationWithoutUnit(text)
        case .unknownUnit(let unit): .durationUnit(UnsafeRawBufferPointer(rebasing: text[unit]), of: text)
        }
    }

    /// Bytes of a size such as `1.5KiB`, `2,048` or `3 MB`: K is 1000, Ki 1024, in any case; fractions of a byte are cut.
    static func bytes(_ text: UnsafeRawBufferPointer) -> Result {
        var digits = 0
        while digits < text.count,
            text[digits] &- 48 < 10 || text[digits] == UInt8(ascii: ".") || text[digits] == UInt8(ascii: ",")
        {
            digits += 1
        }
        let head = UnsafeRawBufferPointer(rebasing: text[..<digits])
        let number: Double?
        if head.contains(UInt8(ascii: ",")) {
            let plain = head.filter { $0 != UInt8(ascii: ",") }
            number = plain.withUnsafeBytes { NumberText.parseFloat($0) }
        } else {
            number = NumberText.parseFloat(head)
        }
        guard let number else { return .failure(.float(head)) }
        let unit = trimmed(UnsafeRawBufferPointer(rebasing: text[digits...]))
        guard let size = unitBytes(unit) else { return .failure(.byteUnit(unit)) }
        let value = number * size
        guard value < 0x1p64 else { return .failure(.bytesTooLarge(text)) }
        return .value(value.rounded(.down))
    }

    private static func trimmed(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var start = 0
        var end = text.count
        while start < end, LabelNameSanitizer.isBlank(text[start]) { start += 1 }
        while end > start, LabelNameSanitizer.isBlank(text[end - 1]) { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: text[start..<end])
    }

    /// nil for what is no unit.
    private static func unitBytes(_ unit: UnsafeRawBufferPointer) -> Double? {
        guard let first = unit.first.map({ $0 | 0x20 }) else { return 1 }
        if first == UInt8(ascii: "b") { return unit.count == 1 ? 1 : nil }
        let prefixes: StaticString = "kmgtpe"
        guard let power = (0..<6).first(where: { prefixes.utf8Start[$0] == first }) else { return nil }
        var at = 1
        var base = 1000.0
        if at < unit.count, unit[at] | 0x20 == UInt8(ascii: "i") {
            base = 1024
            at += 1
        }
        if at < unit.count, unit[at] | 0x20 == UInt8(ascii: "b") { at += 1 }
        guard at == unit.count else { return nil }
        var size = base
        for _ in 0..<power { size *= base }
        return size
    }
}
