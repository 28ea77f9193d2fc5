import Bedrock
import Model

/// The labels of one data point, sorted while they are gathered; its series differ from one another in `__name__` and one more label only.
///
/// Names and values stay where they are; the caller keeps that memory alive. Reused from point to point; not thread-safe.
struct OTLPLabelSet {
    struct Pair {
        var name: UnsafeRawBufferPointer
        var value: UnsafeRawBufferPointer
        /// The attribute that it comes from.
        var key: UnsafeRawBufferPointer
    }

    private(set) var pairs: ContiguousArray<Pair> = []
    private var hasRepeats = false

    mutating func clear() {
        pairs.removeAll(keepingCapacity: true)
        hasRepeats = false
    }

    /// Adds an attribute. Several may come to one name; `joinRepeats` settles them.
    @inline(__always)
    mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer) {
        let pair = Pair(name: name, value: value, key: key)
        var place = pairs.count
        while place > 0 {
            let order = compareBytes(pairs[place - 1].name, name)
            if order < 0 { break }
            if order == 0 {
                hasRepeats = true
                if compareBytes(pairs[place - 1].key, key) <= 0 { break }
            }
            place -= 1
        }
        if place == pairs.count { pairs.append(pair) } else { pairs.insert(pair, at: place) }
    }

    /// Makes one label of those of one name: their values in the order of their keys, with `;` between them.
    mutating func joinRepeats(_ scratch: inout ScratchArena) {
        guard hasRepeats else { return }
        hasRepeats = false
        var kept: ContiguousArray<Pair> = []
        for pair in pairs {
            guard let last = kept.last, compareBytes(last.name, pair.name) == 0 else {
                kept.append(pair)
                continue
            }
            // The same attribute twice: the later one counts.
            if compareBytes(last.key, pair.key) == 0 {
                kept[kept.count - 1].value = pair.value
                continue
            }
            kept[kept.count - 1].value = scratch.joined(last.value, pair.value, by: UInt8(ascii: ";"))
            kept[kept.count - 1].key = pair.key
        }
        pairs = kept
    }

    /// Adds a label unless there is one of its name, whose value then is replaced if `overrides`.
    mutating func set(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, overrides: Bool) {
        if let at = pairs.firstIndex(where: { compareBytes($0.name, name) == 0 }) {
            if overrides { pairs[at].value = value }
        } else {
            add(name, value, key: name)
        }
    }

    func contains(_ name: UnsafeRawBufferPointer) -> Bool { pairs.contains { compareBytes($0.name, name) == 0 } }

    /// Writes canonical label bytes with the metric's name (`name` and `suffix` one behind the other) and possibly one more label.
    func write(
        name: UnsafeRawBufferPointer, suffix: StaticString = "",
        extra: (name: StaticString, value: UnsafeRawBufferPointer)? = nil, to target: inout ByteBuffer
    ) {
        target.clear()
        let metricName = UnsafeRawBufferPointer("__name__" as StaticString)
        let extraName = extra.map { UnsafeRawBufferPointer($0.name) }
        let suffix = UnsafeRawBufferPointer(suffix)
        var isNamed = false
        var isExtraWritten = extra == nil
        func writeName(_ target: inout ByteBuffer) {
            target.append(prefixed: metricName)
            target.append(varint: name.count + suffix.count)
            target.append(name)
            target.append(suffix)
        }
        for pair in pairs {
            if !isNamed {
                let order = compareBytes(metricName, pair.name)
                if order <= 0 {
                    isNamed = true
                    writeName(&target)
                }
                if order == 0 { continue }
            }
            if let extra, let extraName {
                let order = compareBytes(extraName, pair.name)
                if order <= 0, !isExtraWritten {
                    isExtraWritten = true
                    // `__name__` may stand between them.
                    if !isNamed, compareBytes(metricName, extraName) < 0 {
                        isNamed = true
                        writeName(&target)
                    }
                    target.append(prefixed: extraName)
                    target.append(prefixed: extra.value)
                }
                if order == 0 { continue }
            }
            if pair.value.isEmpty { continue }
            target.append(prefixed: pair.name)
            target.append(prefixed: pair.value)
        }
        if !isNamed { writeName(&target) }
        if let extra, let extraName, !isExtraWritten {
            target.append(prefixed: extraName)
            target.append(prefixed: extra.value)
        }
    }
}

extension ScratchArena {
    /// Two texts with a byte between them.
    mutating func joined(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, by separator: UInt8
    ) -> UnsafeRawBufferPointer {
        let joined = text(bytesMax: first.count + 1 + second.count) { room in
            if let start = first.baseAddress { room.copyMemory(from: start, byteCount: first.count) }
            room.storeBytes(of: separator, toByteOffset: first.count, as: UInt8.self)
            if let start = second.baseAddress {
                (room + first.count + 1).copyMemory(from: start, byteCount: second.count)
            }
            return first.count + 1 + second.count
        }
        return joined ?? first
    }
}
