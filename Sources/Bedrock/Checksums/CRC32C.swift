import CLinux

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of every block on disk.
public enum CRC32C {
    /// The checksum of `bytes`, continued from `previous`.
    @inlinable public static func of(_ bytes: UnsafeRawBufferPointer, continuing previous: UInt32 = 0) -> UInt32 {
        clinux_crc32c(previous, bytes.baseAddress, bytes.count)
    }
}
