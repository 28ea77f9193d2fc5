import Bedrock

/// Edits a label set. Not thread-safe; reuse one with `reset` to save allocations.
public struct LabelsBuilder {
    private var pairs: [Label] = []

    public init() {}

    public init(_ base: Labels) { reset(base) }

    /// Starts again from `base`.
    public mutating func reset(_ base: Labels = .empty) {
        pairs.removeAll(keepingCapacity: true)
        base.forEach {
            pairs.append(Label(String(decoding: $0, as: UTF8.self), String(decoding: $1, as: UTF8.self)))
        }
    }

    /// Sets a label; an empty value removes it.
    public mutating func set(_ name: String, _ value: String) {
        if value.isEmpty { return remove(name) }
        if let at = pairs.firstIndex(where: { $0.name == name }) {
            pairs[at].value = value
        } else {
            pairs.append(Label(name, value))
        }
    }

    public mutating func remove(_ name: String) { pairs.removeAll { $0.name == name } }

    public subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }

    /// The labels so far, in no order.
    public var list: [Label] { pairs }

    /// The canonical set.
    public func labels() -> Labels {
        var buffer = ByteBuffer(capacity: 256)
        for label in pairs.sorted(by: { utf8Precedes($0.name, $1.name) }) {
            buffer.append(prefixed: label.name)
            buffer.append(prefixed: label.value)
        }
        return Labels(canonical: buffer.bytes)
    }
}

/// Byte order, which is not `String`'s own.
public func utf8Precedes(_ a: String, _ b: String) -> Bool {
    var a = a
    var b = b
    return a.withUTF8 { x in b.withUTF8 { y in compareBytes(UnsafeRawBufferPointer(x), UnsafeRawBufferPointer(y)) < 0 }
    }
}
