/// Memory that lives for one row: blocks that never move, taken from the front, all given back at once by `reset`.
///
/// Everything handed out stays valid until `reset`. Keeps what it has, up to a bound, so that rows of usual size allocate nothing.
/// One owner at a time, not thread-safe.
public final class ScratchArena {
    @exclusivity(unchecked) private var blocks: ContiguousArray<UnsafeMutableRawBufferPointer> = []
    @exclusivity(unchecked) private var current = -1
    @exclusivity(unchecked) private var used = 0
    private let blockBytes: Int
    /// Bytes kept from row to row.
    private let keptBytesMax: Int

    /// - Parameters:
    ///   - blockBytes: size of an ordinary block.
    ///   - keptBytesMax: what is kept after an unusually large row.
    public init(blockBytes: Int = 16 << 10, keptBytesMax: Int = 4 << 20) {
        self.blockBytes = max(blockBytes, 64)
        self.keptBytesMax = keptBytesMax
    }

    deinit { for block in blocks { block.deallocate() } }

    /// Takes everything back.
    public func reset() {
        if blocks.count > 1 { trim() }
        current = blocks.isEmpty ? -1 : 0
        used = 0
    }

    /// Bytes of memory held.
    public var allocatedBytes: Int { blocks.reduce(0) { $0 + $1.count } }

    private func trim() {
        var kept = 0
        blocks.removeAll { block in
            kept += block.count
            guard kept > keptBytesMax else { return false }
            kept -= block.count
            block.deallocate()
            return true
        }
    }

    /// Room for `bytesMax` bytes, of which `body` says how many it filled.
    @inline(__always)
    func write(bytesMax: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Int) -> UnsafeRawBufferPointer {
        if current < 0 || blocks[current].count - used < bytesMax { advance(bytesMax) }
        guard let base = blocks[current].baseAddress else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let start = (base + used).assumingMemoryBound(to: UInt8.self)
        let count = body(start)
        precondition(count >= 0 && count <= bytesMax, "wrote \(count) bytes into room for \(bytesMax)")
        used += count
        return UnsafeRawBufferPointer(start: start, count: count)
    }

    /// A copy of `bytes` that lives until `reset`.
    public func copy(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        write(bytesMax: bytes.count) { room in
            if let start = bytes.baseAddress {
                UnsafeMutableRawPointer(room).copyMemory(from: start, byteCount: bytes.count)
            }
            return bytes.count
        }
    }

    /// The UTF-8 of `text`, living until `reset`.
    public func copy(_ text: String) -> UnsafeRawBufferPointer {
        var text = text
        return text.withUTF8 { copy(UnsafeRawBufferPointer($0)) }
    }

    private func advance(_ bytes: Int) {
        used = 0
        while current + 1 < blocks.count {
            current += 1
            if blocks[current].count >= bytes { return }
        }
        blocks.append(.allocate(byteCount: max(bytes, blockBytes), alignment: 16))
        current = blocks.count - 1
    }
}
