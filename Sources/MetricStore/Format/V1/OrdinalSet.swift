import Bedrock
import CRoaring

/// A set of series ordinals: a roaring bitmap. Immutable once shared, and then thread-safe.
final class OrdinalSet: @unchecked Sendable {
    private let bitmap: UnsafeMutablePointer<roaring_bitmap_t>

    private init(adopting bitmap: UnsafeMutablePointer<roaring_bitmap_t>) { self.bitmap = bitmap }

    convenience init() { self.init(adopting: roaring_bitmap_create_with_capacity(0)) }

    convenience init(_ range: Range<Int>) {
        self.init()
        roaring_bitmap_add_range_closed(bitmap, UInt32(range.lowerBound), UInt32(range.upperBound) &- 1, range)
    }

    convenience init(_ ordinals: UnsafeBufferPointer<UInt32>) {
        self.init()
        add(ordinals)
    }

    deinit { roaring_bitmap_free(bitmap) }

    var count: Int { Int(roaring_bitmap_get_cardinality(bitmap)) }
    var isEmpty: Bool { roaring_bitmap_is_empty(bitmap) }
    /// Roughly, in memory.
    var byteCount: Int { roaring_bitmap_size_in_bytes(bitmap) + 64 }

    func contains(_ ordinal: UInt32) -> Bool { roaring_bitmap_contains(bitmap, ordinal) }

    /// All, ascending.
    var ordinals: [UInt32] {
        let size = count
        return [UInt32](unsafeUninitializedCapacity: size) { buffer, used in
            if size > 0 { roaring_bitmap_to_uint32_array(bitmap, buffer.baseAddress) }
            used = size
        }
    }

    func add(_ ordinals: UnsafeBufferPointer<UInt32>) {
        if ordinals.count > 0 { roaring_bitmap_add_many(bitmap, ordinals.count, ordinals.baseAddress) }
    }

    func formUnion(_ other: OrdinalSet) { roaring_bitmap_or_inplace(bitmap, other.bitmap) }

    func intersection(_ other: OrdinalSet) -> OrdinalSet {
        OrdinalSet(adopting: roaring_bitmap_and(bitmap, other.bitmap))
    }

    func subtracting(_ other: OrdinalSet) -> OrdinalSet {
        OrdinalSet(adopting: roaring_bitmap_andnot(bitmap, other.bitmap))
    }

    // MARK: Bytes

    /// Appends the set in roaring's portable form.
    func encode(into target: inout ByteBuffer) {
        roaring_bitmap_run_optimize(bitmap)
        let size = roaring_bitmap_portable_size_in_bytes(bitmap)
        target.append(capacity: size) { room in
            room.baseAddress.map { roaring_bitmap_portable_serialize(bitmap, $0) } ?? 0
        }
    }

    /// Reads the portable form. The bytes have passed their checksum; structure and limits are checked all the same.
    convenience init(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(DecodeError) {
        guard let base = bytes.baseAddress, let read = roaring_bitmap_portable_deserialize_safe(base, bytes.count)
        else {
            throw DecodeError("not a roaring bitmap", at: 0)
        }
        self.init(adopting: read)
        guard roaring_bitmap_is_empty(read) || roaring_bitmap_maximum(read) < limit else {
            throw DecodeError("ordinal is not below \(limit)", at: 0)
        }
    }
}

private func roaring_bitmap_add_range_closed(
    _ bitmap: UnsafeMutablePointer<roaring_bitmap_t>, _ first: UInt32, _ last: UInt32, _ range: Range<Int>
) {
    if !range.isEmpty { CRoaring.roaring_bitmap_add_range_closed(bitmap, first, last) }
}
