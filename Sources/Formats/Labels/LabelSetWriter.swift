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
            pairs.sort { compareBytes($0.name, $1.name) < 0 }
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
