import CSnappy

/// Snappy's block format, as remote write and Loki push use it.
public enum Snappy {
    /// Appends the decompressed form of `source` to `target`.
    ///
    /// - Throws: `.tooLarge` when the header announces more than `limit` bytes (before anything is allocated), `.corrupt` otherwise.
    public static func decompress(
        _ source: UnsafeRawBufferPointer, into target: inout ByteBuffer, limit: Int
    ) throws(CompressionError) {
        let input = source.assumingMemoryBound(to: CChar.self).baseAddress
        var length = 0
        guard let input, snappy_uncompressed_length(input, source.count, &length) == SNAPPY_OK else {
            throw .corrupt("snappy header is not readable")
        }
        guard length <= limit else { throw .tooLarge(limit: limit) }
        // A snappy copy element yields at most 64 bytes from 2: an announced size beyond that is a lie, refused before allocating.
        guard length <= max(64, source.count * 64) else { throw .corrupt("snappy header announces \(length) bytes") }
        var ok = true
        target.append(capacity: length) { room in
            var written = length
            ok =
                snappy_uncompress(
                    input, source.count, room.assumingMemoryBound(to: CChar.self).baseAddress, &written) == SNAPPY_OK
                && written == length
            return ok ? length : 0
        }
        if !ok { throw .corrupt("snappy body does not decode to its announced \(length) bytes") }
    }

    /// Appends the compressed form of `source` to `target`.
    public static func compress(_ source: UnsafeRawBufferPointer, into target: inout ByteBuffer) {
        let most = snappy_max_compressed_length(source.count)
        target.append(capacity: most) { room in
            var written = most
            var nothing: CChar = 0
            let input = source.assumingMemoryBound(to: CChar.self).baseAddress
            let status = withUnsafePointer(to: &nothing) {
                snappy_compress(
                    input ?? $0, source.count, room.assumingMemoryBound(to: CChar.self).baseAddress, &written)
            }
            precondition(status == SNAPPY_OK, "snappy refused a buffer of its own maximum size")
            return written
        }
    }
}
