/// Memory for texts that a decoder makes (unescaped, renamed, written numbers) and needs until the row is done. What it hands out stays where
/// it is until `clear`. One owner at a time.
struct ScratchArena: ~Copyable {
    private let first: UnsafeMutableRawBufferPointer
    private var used = 0
    /// Texts that didn't fit.
    private var others: [UnsafeMutableRawBufferPointer] = []

    init(capacity: Int = 64 << 10) { first = .allocate(byteCount: capacity, alignment: 16) }

    deinit {
        first.deallocate()
        for other in others { other.deallocate() }
    }

    /// Forgets everything handed out.
    @inline(__always)
    mutating func clear() {
        used = 0
        if !others.isEmpty { release() }
    }

    private mutating func release() {
        for other in others { other.deallocate() }
        others.removeAll(keepingCapacity: true)
    }

    /// Room for up to `bytesMax` bytes; `fill` returns how many it wrote, nil to give the room back.
    @inline(__always)
    mutating func text(bytesMax: Int, _ fill: (UnsafeMutableRawPointer) -> Int?) -> UnsafeRawBufferPointer? {
        if bytesMax <= first.count - used, let base = first.baseAddress {
            let room = base + used
            guard let written = fill(room) else { return nil }
            precondition(written >= 0 && written <= bytesMax, "wrote \(written) bytes into room for \(bytesMax)")
            used += written
            return UnsafeRawBufferPointer(start: room, count: written)
        }
        return ownText(bytesMax: bytesMax, fill)
    }

    @inline(never)
    private mutating func ownText(
        bytesMax: Int, _ fill: (UnsafeMutableRawPointer) -> Int?
    ) -> UnsafeRawBufferPointer? {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytesMax, 1), alignment: 16)
        others.append(room)
        guard let base = room.baseAddress, let written = fill(base) else { return nil }
        precondition(written >= 0 && written <= bytesMax, "wrote \(written) bytes into room for \(bytesMax)")
        return UnsafeRawBufferPointer(start: base, count: written)
    }

    /// A copy of `bytes`.
    mutating func copy(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let copied = text(bytesMax: bytes.count) { room in
            if let start = bytes.baseAddress { room.copyMemory(from: start, byteCount: bytes.count) }
            return bytes.count
        }
        return copied ?? .nothing
    }
}
