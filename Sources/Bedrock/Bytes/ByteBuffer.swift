/// A growable, uniquely owned run of bytes that encoders append to.
///
/// `clear()` keeps the memory, so that one buffer serves many batches. Not thread-safe.
public struct ByteBuffer: ~Copyable, @unchecked Sendable {
    @usableFromInline var base: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int
    @usableFromInline var used = 0
    /// Bytes written so far.
    @inlinable public var count: Int { used }

    /// Bytes of memory held, for budgets.
    @inlinable public var allocatedBytes: Int { capacity }

    public init(capacity: Int = 256) {
        self.capacity = max(capacity, 16)
        base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    /// The bytes written so far; invalid after the next mutation.
    @inlinable public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// The bytes written so far, to patch in place; invalid after the next append.
    @inlinable public var mutableBytes: UnsafeMutableRawBufferPointer {
        mutating get { UnsafeMutableRawBufferPointer(start: base, count: count) }
    }

    @inlinable public var isEmpty: Bool { count == 0 }

    /// Forgets the bytes, keeps the memory.
    @inlinable public mutating func clear() { used = 0 }

    /// Drops everything behind the first `newCount` bytes.
    @inlinable public mutating func truncate(to newCount: Int) {
        precondition(newCount >= 0 && newCount <= count, "truncate to \(newCount) of \(count)")
        used = newCount
    }

    @inlinable public mutating func reserve(_ additional: Int) {
        if count + additional > capacity { grow(count + additional) }
    }

    @usableFromInline mutating func grow(_ wanted: Int) {
        let newCapacity = max(wanted, capacity * 2)
        let newBase = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 16)
        newBase.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = newBase
        capacity = newCapacity
    }

    @inlinable public mutating func append(_ byte: UInt8) {
        reserve(1)
        base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        used += 1
    }

    @inlinable public mutating func append(_ source: UnsafeRawBufferPointer) {
        guard let start = source.baseAddress, source.count > 0 else { return }
        reserve(source.count)
        (base + count).copyMemory(from: start, byteCount: source.count)
        used += source.count
    }

    @inlinable public mutating func append(_ source: [UInt8]) {
        source.withUnsafeBytes { append($0) }
    }

    @inlinable public mutating func append(utf8 text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    @inlinable public mutating func append(utf8 text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inlinable public mutating func append<T: FixedWidthInteger>(littleEndian value: T) {
        let size = MemoryLayout<T>.size
        reserve(size)
        (base + count).storeBytes(of: value.littleEndian, as: T.self)
        used += size
    }

    @inlinable public mutating func append(_ value: Double) { append(littleEndian: value.bitPattern) }

    /// Unsigned LEB128.
    @inlinable public mutating func append(varint value: UInt64) {
        reserve(10)
        var rest = value
        while rest >= 0x80 {
            base.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: count, as: UInt8.self)
            used += 1
            rest >>= 7
        }
        base.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: count, as: UInt8.self)
        used += 1
    }

    @inlinable public mutating func append(varint value: Int) { append(varint: UInt64(value)) }

    /// Zigzag varint.
    @inlinable public mutating func append(signedVarint value: Int64) {
        append(varint: UInt64(bitPattern: value << 1) ^ UInt64(bitPattern: value >> 63))
    }

    /// A varint length, then the bytes.
    @inlinable public mutating func append(prefixed source: UnsafeRawBufferPointer) {
        append(varint: UInt64(source.count))
        append(source)
    }

    @inlinable public mutating func append(prefixed text: String) {
        var text = text
        text.withUTF8 { append(prefixed: UnsafeRawBufferPointer($0)) }
    }

    /// Room for `count` bytes at the end, filled by `body`, which returns how many it wrote.
    @inlinable public mutating func append(
        capacity wanted: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Int
    ) rethrows {
        reserve(wanted)
        let written = try body(UnsafeMutableRawBufferPointer(start: base + count, count: wanted))
        precondition(written >= 0 && written <= wanted, "wrote \(written) bytes into room for \(wanted)")
        used += written
    }

    /// Appends zeros until the bytes from `start` on are a multiple of `alignment`.
    public mutating func pad(from start: Int, to alignment: Int) {
        precondition(alignment > 0 && start >= 0 && start <= count, "pad from \(start) of \(count) to \(alignment)")
        while (count - start) % alignment != 0 { append(UInt8(0)) }
    }

    /// Overwrites four bytes at `offset`, for lengths and checksums known only afterwards.
    @inlinable public mutating func patch(littleEndian value: UInt32, at offset: Int) {
        precondition(offset >= 0 && offset + 4 <= count, "patch at \(offset) of \(count)")
        (base + offset).storeBytes(of: value.littleEndian, as: UInt32.self)
    }

    /// A copy as an array; for cold paths.
    public func array() -> [UInt8] { Array(bytes) }
}
