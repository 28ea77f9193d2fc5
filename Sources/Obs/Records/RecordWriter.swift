import Glibc

/// Appends protobuf fields to a record, block by block. Whoever uses it owns the record at the time.
struct RecordWriter {
    /// Whoever made the writer keeps the pool alive; counting references for each attribute would cost more than writing it.
    unowned(unsafe) let pool: RecordPool
    private let start: UnsafeMutableRawPointer
    let header: UnsafeMutablePointer<RecordHeader>
    /// The first block.
    let first: UInt32

    @inline(__always)
    init(_ pool: RecordPool, _ first: UInt32) {
        self.pool = pool
        self.first = first
        start = pool.start
        header = pool.payload(first).assumingMemoryBound(to: RecordHeader.self)
    }

    @inline(__always)
    private func block(_ index: UInt32) -> UnsafeMutablePointer<RecordPool.Block> {
        (start + Int(index) * RecordPool.blockBytes).assumingMemoryBound(to: RecordPool.Block.self)
    }

    /// Room for `count` bytes in one piece, at most a block's payload; nil when the pool is empty.
    @inline(__always)
    func room(_ count: Int) -> UnsafeMutableRawPointer? {
        let tail = header.pointee.tail
        let block = block(tail)
        let used = Int(block.pointee.used)
        if used + count <= RecordPool.payloadBytes { return UnsafeMutableRawPointer(block + 1) + used }
        return append() ? pool.payload(header.pointee.tail) : nil
    }

    /// `count` bytes of the room have been filled.
    @inline(__always)
    func commit(_ count: Int) { block(header.pointee.tail).pointee.used &+= UInt32(truncatingIfNeeded: count) }

    @inline(never)
    private func append() -> Bool {
        let added = pool.take(Int(header.pointee.stripe))
        guard added != 0 else { return false }
        pool.block(header.pointee.tail).pointee.next = added
        header.pointee.tail = added
        return true
    }

    /// A field of bytes. False, and nothing written, when there is no room.
    func bytes(_ field: UInt8, _ source: UnsafeRawBufferPointer) -> Bool {
        let head = 1 + Varint.length(source.count)
        if head + source.count <= RecordPool.payloadBytes {
            guard let room = room(head + source.count) else { return false }
            var at = Varint.write(UInt64(source.count), to: room + 1) + 1
            room.storeBytes(of: field << 3 | 2, as: UInt8.self)
            if let start = source.baseAddress { memcpy(room + at, start, source.count) }
            at += source.count
            commit(at)
            return true
        }
        return large(field, source, head)
    }

    /// What takes several blocks is written whole or not at all: the blocks are taken first.
    private func large(_ field: UInt8, _ source: UnsafeRawBufferPointer, _ head: Int) -> Bool {
        guard let start = source.baseAddress else { return false }
        let stripe = Int(header.pointee.stripe)
        var chain: UInt32 = 0
        for _ in 0..<(head + source.count + RecordPool.payloadBytes - 1) / RecordPool.payloadBytes {
            let added = pool.take(stripe)
            guard added != 0 else {
                if chain != 0 { pool.give(chain, stripe) }
                return false
            }
            pool.block(added).pointee.next = chain
            chain = added
        }
        pool.block(header.pointee.tail).pointee.next = chain
        var block = chain
        let room = pool.payload(block)
        room.storeBytes(of: field << 3 | 2, as: UInt8.self)
        _ = Varint.write(UInt64(source.count), to: room + 1)
        var used = head
        var at = 0
        while true {
            let piece = min(source.count - at, RecordPool.payloadBytes - used)
            memcpy(pool.payload(block) + used, start + at, piece)
            at += piece
            pool.block(block).pointee.used = UInt32(used + piece)
            header.pointee.tail = block
            if at == source.count { return true }
            block = pool.block(block).pointee.next
            used = 0
        }
    }
}

/// Unsigned LEB128 into raw memory.
enum Varint {
    @inline(__always)
    static func length(_ value: Int) -> Int { max(1, (70 - UInt64(value).leadingZeroBitCount) / 7) }

    @inline(__always)
    static func length(_ value: UInt64) -> Int { max(1, (70 - value.leadingZeroBitCount) / 7) }

    /// Bytes written; there must be room for ten.
    @inline(__always)
    static func write(_ value: UInt64, to target: UnsafeMutableRawPointer) -> Int {
        var rest = value
        var at = 0
        while rest >= 0x80 {
            target.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: at, as: UInt8.self)
            rest >>= 7
            at += 1
        }
        target.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: at, as: UInt8.self)
        return at + 1
    }
}
