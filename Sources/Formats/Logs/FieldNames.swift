/// Names of labels and metadata, as LogQL can say them: `[a-zA-Z_][a-zA-Z0-9_]*`.
enum FieldNames {
    /// Whether LogQL can say `name`.
    @inline(__always)
    static func isPlain(_ name: UnsafeRawBufferPointer) -> Bool {
        guard let first = name.first, !isDigit(first) else { return false }
        for c in name where !isPlain(c) { return false }
        return true
    }

    /// `name` itself where it is plain, else a copy with underscores for what isn't, and `key_` before a leading digit: Prometheus' rule for
    /// OpenTelemetry's names, which Loki follows for structured metadata. An empty name stays empty.
    @inline(__always)
    static func plain(_ name: UnsafeRawBufferPointer, _ scratch: inout ScratchArena) -> UnsafeRawBufferPointer {
        if isPlain(name) || name.isEmpty { return name }
        let renamed = scratch.text(bytesMax: name.count + 4) { write(name, into: $0) }
        return renamed ?? name
    }

    /// Writes the plain form of `name` to `room`, which has room for four bytes more than `name` has.
    static func write(_ name: UnsafeRawBufferPointer, into room: UnsafeMutableRawPointer) -> Int {
        var count = 0
        if let first = name.first, isDigit(first) {
            for c in "key_".utf8 {
                room.storeBytes(of: c, toByteOffset: count, as: UInt8.self)
                count += 1
            }
        }
        for c in name {
            room.storeBytes(of: isPlain(c) ? c : UInt8(ascii: "_"), toByteOffset: count, as: UInt8.self)
            count += 1
        }
        return count
    }

    @inline(__always)
    static func isPlain(_ c: UInt8) -> Bool { (c | 0x20) &- 97 < 26 || c &- 48 < 10 || c == UInt8(ascii: "_") }

    @inline(__always)
    private static func isDigit(_ c: UInt8) -> Bool { c &- 48 < 10 }
}

extension UnsafeRawBufferPointer {
    /// No bytes.
    @inline(__always)
    static var nothing: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    /// The bytes of a literal.
    @inline(__always)
    init(_ text: StaticString) {
        self.init(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }
}
