import Bedrock
import Model

/// Gathers one series' labels from a received message and writes them as canonical label bytes (see `Labels`).
///
/// Names and values stay where they are until `write`; the caller keeps that memory alive. Reused from series to series: no allocation
/// once it has grown. Not thread-safe.
struct LabelSetWriter {
    struct Pair {
        var name: UnsafeRawBufferPointer
        var value: UnsafeRawBufferPointer
    }

    /// Why the labels are no label set.
    enum Flaw {
        case emptyName
        case duplicate(UnsafeRawBufferPointer)
    }

    private(set) var pairs: ContiguousArray<Pair> = []
    private var isSorted = true

    mutating func clear() {
        pairs.removeAll(keepingCapacity: true)
        isSorted = true
    }

    @inline(__always)
    mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        if isSorted, let last = pairs.last, compareBytes(last.name, name) >= 0 { isSorted = false }
        pairs.append(Pair(name: name, value: value))
    }

    /// Appends the canonical bytes to `target`: sorted by name, without empty values. Nothing is appended when there is a flaw.
    mutating func write(to target: inout ByteBuffer) -> Flaw? {
        if !isSorted {
            sort()
            if let flaw = firstFlaw() { return flaw }
        } else if let first = pairs.first, first.name.isEmpty {
            return .emptyName
        }
        for pair in pairs where !pair.value.isEmpty {
            target.reserve(pair.name.count + pair.value.count + 20)
            target.append(varint: pair.name.count)
            target.append(pair.name)
            target.append(varint: pair.value.count)
            target.append(pair.value)
        }
        return nil
    }

    /// As `write`, but of pairs with one name the one added last counts, and pairs without a name are left out.
    mutating func writeLast(to target: inout ByteBuffer) {
        let wasSorted = isSorted
        if !wasSorted { sort() }
        pairs.withUnsafeBufferPointer { pairs in
            var room = 0
            for pair in pairs { room += pair.name.count + pair.value.count + 20 }
            target.append(capacity: room) { room in
                guard let start = room.baseAddress else { return 0 }
                var out = start
                for i in pairs.indices {
                    let pair = pairs[i]
                    if pair.name.isEmpty || pair.value.isEmpty { continue }
                    if !wasSorted, i + 1 < pairs.count, compareBytes(pair.name, pairs[i + 1].name) == 0 { continue }
                    out = Self.put(pair.value, at: Self.put(pair.name, at: out))
                }
                return out - start
            }
        }
    }

    /// Writes a text behind its length, and tells where it ends.
    @inline(__always)
    private static func put(
        _ text: UnsafeRawBufferPointer, at target: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        var out = target
        var rest = text.count
        while rest >= 0x80 {
            out.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, as: UInt8.self)
            out += 1
            rest >>= 7
        }
        out.storeBytes(of: UInt8(truncatingIfNeeded: rest), as: UInt8.self)
        out += 1
        if let start = text.baseAddress { out.copyMemory(from: start, byteCount: text.count) }
        return out + text.count
    }

    /// Sorts, and keeps of pairs with one name the one added last.
    mutating func settle() {
        guard !isSorted else { return }
        sort()
        var kept = 0
        for i in pairs.indices {
            if i + 1 < pairs.count, compareBytes(pairs[i].name, pairs[i + 1].name) == 0 { continue }
            pairs[kept] = pairs[i]
            kept += 1
        }
        pairs.removeSubrange(kept...)
        isSorted = true
    }

    /// Starts again from `base`, which is sorted.
    mutating func reset(to base: ContiguousArray<Pair>) {
        pairs.removeAll(keepingCapacity: true)
        pairs.append(contentsOf: base)
        isSorted = true
    }

    private func firstFlaw() -> Flaw? {
        if let first = pairs.first, first.name.isEmpty { return .emptyName }
        for i in pairs.indices.dropFirst() where compareBytes(pairs[i - 1].name, pairs[i].name) == 0 {
            return .duplicate(pairs[i].name)
        }
        return nil
    }

    /// Senders sort their labels, so this is rare; insertion is quickest for the few labels a series has.
    private mutating func sort() {
        guard pairs.count <= 32 else {
            // Pairs of one name keep their order.
            let ordered = pairs.enumerated().sorted {
                let order = compareBytes($0.element.name, $1.element.name)
                return order != 0 ? order < 0 : $0.offset < $1.offset
            }
            pairs = ContiguousArray(ordered.map(\.element))
            return
        }
        for i in pairs.indices.dropFirst() {
            let moved = pairs[i]
            var j = i
            while j > 0, compareBytes(pairs[j - 1].name, moved.name) > 0 {
                pairs[j] = pairs[j - 1]
                j -= 1
            }
            pairs[j] = moved
        }
    }
}
