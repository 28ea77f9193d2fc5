import CLinux

extension UnsafeRawBufferPointer {
    /// The offset of the first occurrence of `needle`, which is 0 for an empty one; nil when there is none.
    public func firstOffset(of needle: UnsafeRawBufferPointer) -> Int? {
        guard needle.count > 0 else { return 0 }
        guard needle.count <= count, let base = baseAddress,
            let hit = clinux_memmem(base, count, needle.baseAddress, needle.count)
        else { return nil }
        return hit - base
    }
}
