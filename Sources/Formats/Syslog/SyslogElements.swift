/// Structured data of RFC 5424: `[id name="value" …][id …]`, in values `"`, `\` and `]` behind a backslash.
enum SyslogElements {
    /// The end of the elements that begin at `start`; nil when they have none.
    static func end(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var i = start
        while i < bytes.count, bytes[i] == UInt8(ascii: "[") {
            i += 1
            var isQuoted = false
            while i < bytes.count {
                let c = bytes[i]
                if isQuoted, c == UInt8(ascii: "\\") {
                    i += 1
                } else if c == UInt8(ascii: "\"") {
                    isQuoted.toggle()
                } else if c == UInt8(ascii: "]"), !isQuoted {
                    break
                }
                i += 1
            }
            guard i < bytes.count else { return nil }
            i += 1
        }
        return i
    }

    /// Adds a field `id_name` to `metadata` for each parameter of `elements`, and an empty element as `id` = `true`.
    static func gather(
        _ elements: UnsafeRawBufferPointer, into metadata: inout LabelSetWriter, _ scratch: inout ScratchArena
    ) {
        var i = 0
        while i < elements.count, elements[i] == UInt8(ascii: "[") {
            i += 1
            let id = name(elements, &i)
            var hasParameter = false
            while i < elements.count, elements[i] != UInt8(ascii: "]") {
                if elements[i] == UInt8(ascii: " ") {
                    i += 1
                    continue
                }
                let parameter = name(elements, &i)
                guard i + 1 < elements.count, elements[i] == UInt8(ascii: "="), elements[i + 1] == UInt8(ascii: "\"")
                else { return }
                i += 2
                let value = value(elements, &i, &scratch)
                hasParameter = true
                metadata.add(joined(id, parameter, &scratch), value)
            }
            if !hasParameter, !id.isEmpty {
                metadata.add(FieldNames.plain(id, &scratch), UnsafeRawBufferPointer("true"))
            }
            i += 1
        }
    }

    private static func name(_ bytes: UnsafeRawBufferPointer, _ i: inout Int) -> UnsafeRawBufferPointer {
        let start = i
        while i < bytes.count, bytes[i] != UInt8(ascii: " "), bytes[i] != UInt8(ascii: "]"),
            bytes[i] != UInt8(ascii: "="), bytes[i] != UInt8(ascii: "\"")
        {
            i += 1
        }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<i])
    }

    private static func value(
        _ bytes: UnsafeRawBufferPointer, _ i: inout Int, _ scratch: inout ScratchArena
    ) -> UnsafeRawBufferPointer {
        let start = i
        var isEscaped = false
        while i < bytes.count, bytes[i] != UInt8(ascii: "\"") {
            if bytes[i] == UInt8(ascii: "\\") {
                isEscaped = true
                i += 1
            }
            i += 1
        }
        let raw = UnsafeRawBufferPointer(rebasing: bytes[start..<min(i, bytes.count)])
        i = min(i + 1, bytes.count)
        guard isEscaped else { return raw }
        let plain = scratch.text(bytesMax: raw.count) { room in
            var out = 0
            var k = 0
            while k < raw.count {
                let next = k + 1 < raw.count ? raw[k + 1] : 0
                let isEscape = next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\") || next == UInt8(ascii: "]")
                if raw[k] == UInt8(ascii: "\\"), isEscape { k += 1 }
                room.storeBytes(of: raw[k], toByteOffset: out, as: UInt8.self)
                out += 1
                k += 1
            }
            return out
        }
        return plain ?? raw
    }

    /// `id_name`, as metadata names are written.
    private static func joined(
        _ id: UnsafeRawBufferPointer, _ name: UnsafeRawBufferPointer, _ scratch: inout ScratchArena
    ) -> UnsafeRawBufferPointer {
        let joined = scratch.text(bytesMax: id.count + name.count + 5) { room in
            var count = FieldNames.write(id, into: room)
            room.storeBytes(of: UInt8(ascii: "_"), toByteOffset: count, as: UInt8.self)
            count += 1
            for c in name {
                room.storeBytes(of: FieldNames.isPlain(c) ? c : UInt8(ascii: "_"), toByteOffset: count, as: UInt8.self)
                count += 1
            }
            return count
        }
        return joined ?? id
    }
}
