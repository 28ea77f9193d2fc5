import Bedrock

/// One name and value.
public struct Label: Hashable, Sendable {
    public var name: String
    public var value: String

    @inlinable public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// The label set that identifies a series, immutable and canonical: names sorted bytewise and unique, no empty values.
///
/// One allocation holds everything: for each label the varint length and bytes of the name, then of the value. Equal sets have equal
/// bytes, so `==`, hashing and table look-ups work on memory. The metric name is the label `__name__`.
/// Ordering is Prometheus' own: label by label, name before value, the shorter set first.
public struct Labels: Hashable, Comparable, Sendable {
    /// Canonical bytes.
    public let storage: [UInt8]

    /// Adopts bytes that are canonical already (as `LabelsBuilder` and this type's `storage` make them).
    @inlinable public init(canonical storage: [UInt8]) { self.storage = storage }

    @inlinable public init(canonical bytes: UnsafeRawBufferPointer) { storage = Array(bytes) }

    /// The empty set.
    public static let empty = Labels(canonical: [UInt8]())

    /// Sorts; of equal names the last one stays; empty values are left out.
    public init(_ labels: [Label]) {
        var builder = LabelsBuilder()
        for label in labels { builder.set(label.name, label.value) }
        self = builder.labels()
    }

    public init(_ pairs: KeyValuePairs<String, String>) { self.init(pairs.map { Label($0.key, $0.value) }) }

    public static let metricName = "__name__"

    /// The value of label `name`, or nil.
    public subscript(name: String) -> String? {
        var name = name
        return name.withUTF8 { wanted in
            withValue(of: UnsafeRawBufferPointer(wanted)) { $0.map { String(decoding: $0, as: UTF8.self) } }
        }
    }

    /// Calls `body` with the bytes of the value of `name`, nil when it is absent; nothing is copied.
    @inlinable public func withValue<R>(
        of name: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) throws -> R
    ) rethrows -> R {
        try storage.withUnsafeBytes { all in
            var cursor = LabelCursor(all)
            while cursor.next() {
                if cursor.name.count == name.count && cursor.name.elementsEqual(name) { return try body(cursor.value) }
            }
            return try body(nil)
        }
    }

    /// Calls `body` for each label in order, with name and value as bytes valid only within the call.
    @inlinable public func forEach(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void) rethrows {
        try storage.withUnsafeBytes { all in
            var cursor = LabelCursor(all)
            while cursor.next() { try body(cursor.name, cursor.value) }
        }
    }

    /// All labels as strings, in order; for cold paths.
    public var list: [Label] {
        var result: [Label] = []
        forEach { result.append(Label(String(decoding: $0, as: UTF8.self), String(decoding: $1, as: UTF8.self))) }
        return result
    }

    public var isEmpty: Bool { storage.isEmpty }

    public var count: Int {
        var n = 0
        forEach { _, _ in n += 1 }
        return n
    }

    /// The 128-bit identity used across the house.
    public var hash128: Hash128 { storage.withUnsafeBytes { Hash128(of: $0) } }

    public static func < (a: Labels, b: Labels) -> Bool {
        a.storage.withUnsafeBytes { left in
            b.storage.withUnsafeBytes { right in
                var x = LabelCursor(left)
                var y = LabelCursor(right)
                while true {
                    let more = x.next()
                    guard y.next() else { return false }
                    guard more else { return true }
                    let names = compareBytes(x.name, y.name)
                    if names != 0 { return names < 0 }
                    let values = compareBytes(x.value, y.value)
                    if values != 0 { return values < 0 }
                }
            }
        }
    }
}

/// memcmp order, the shorter first on a tie; negative, zero or positive.
@inlinable public func compareBytes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let shared = min(a.count, b.count)
    var i = 0
    while i + 8 <= shared {
        let x = a.loadUnaligned(fromByteOffset: i, as: UInt64.self)
        let y = b.loadUnaligned(fromByteOffset: i, as: UInt64.self)
        if x != y { return x.bigEndian < y.bigEndian ? -1 : 1 }
        i += 8
    }
    while i < shared {
        if a[i] != b[i] { return Int(a[i]) - Int(b[i]) }
        i += 1
    }
    return a.count - b.count
}

/// Walks canonical label bytes. The bytes must be canonical: only `Labels` and stores that checked them make one.
public struct LabelCursor {
    @usableFromInline let bytes: UnsafeRawBufferPointer
    @usableFromInline var offset = 0
    public var name = UnsafeRawBufferPointer(start: nil, count: 0)
    public var value = UnsafeRawBufferPointer(start: nil, count: 0)

    @inlinable public init(_ canonical: UnsafeRawBufferPointer) { bytes = canonical }

    @inlinable public mutating func next() -> Bool {
        guard offset < bytes.count else { return false }
        name = part()
        value = part()
        return true
    }

    @inlinable mutating func part() -> UnsafeRawBufferPointer {
        var length = Int(bytes[offset])
        offset += 1
        if length >= 0x80 {
            length &= 0x7F
            var shift = 7
            while true {
                let byte = Int(bytes[offset])
                offset += 1
                length |= (byte & 0x7F) << shift
                if byte < 0x80 { break }
                shift += 7
            }
        }
        defer { offset += length }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
    }
}

extension Labels: CustomStringConvertible {
    /// Prometheus' text form: `name{a="b"}`; names outside the legacy character set are quoted.
    public var description: String {
        let all = list
        var name = ""
        var parts: [String] = []
        for label in all {
            if label.name == Labels.metricName {
                if isLegacyMetricName(label.value) {
                    name = label.value
                } else {
                    parts.insert(quoted(label.value), at: 0)
                }
            } else {
                parts.append(
                    (isLegacyLabelName(label.name) ? label.name : quoted(label.name)) + "=" + quoted(label.value))
            }
        }
        return parts.isEmpty && !name.isEmpty ? name : name + "{" + parts.joined(separator: ", ") + "}"
    }
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`
public func isLegacyLabelName(_ name: String) -> Bool { isIdentifier(name, colon: false) }

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
public func isLegacyMetricName(_ name: String) -> Bool { isIdentifier(name, colon: true) }

private func isIdentifier(_ name: String, colon: Bool) -> Bool {
    var first = true
    for c in name.utf8 {
        let letter = (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c == 95 || (colon && c == 58)
        guard letter || (!first && c >= 48 && c <= 57) else { return false }
        first = false
    }
    return !first
}

/// Go's `strconv.Quote` for text: double quotes, backslash escapes, non-printable bytes as `\x..` or `\u....`.
public func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": out += "\\\""
        case "\\": out += "\\\\"
        case "\n": out += "\\n"
        case "\r": out += "\\r"
        case "\t": out += "\\t"
        case "\u{07}": out += "\\a"
        case "\u{08}": out += "\\b"
        case "\u{0B}": out += "\\v"
        case "\u{0C}": out += "\\f"
        default:
            if scalar.value < 0x20 || scalar.value == 0x7F {
                let hex = String(scalar.value, radix: 16)
                out += "\\x" + (hex.count == 1 ? "0" + hex : hex)
            } else {
                out.unicodeScalars.append(scalar)
            }
        }
    }
    return out + "\""
}
