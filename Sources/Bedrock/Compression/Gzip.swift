import CZlib

/// gzip members (RFC 1952) and zlib streams (RFC 1950, HTTP's "deflate").
public enum Gzip {
    /// Appends the decompressed form of `source` to `target`; several members in a row are joined, as gzip does.
    ///
    /// - Throws: `.tooLarge` once the output would pass `limit` bytes, `.corrupt` for bad or truncated input.
    public static func decompress(
        _ source: UnsafeRawBufferPointer, into target: inout ByteBuffer, limit: Int
    ) throws(CompressionError) {
        var stream = z_stream()
        // 15 + 32: the largest window; zlib or gzip header told apart by zlib itself.
        guard inflateInit2_(&stream, 15 + 32, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw .corrupt("no memory for a gzip decoder")
        }
        defer { inflateEnd(&stream) }
        guard source.count <= Int(UInt32.max) else { throw .tooLarge(limit: limit) }
        stream.next_in = UnsafeMutablePointer(mutating: source.assumingMemoryBound(to: UInt8.self).baseAddress)
        stream.avail_in = UInt32(source.count)
        var produced = 0
        while true {
            guard produced <= limit else { throw .tooLarge(limit: limit) }
            let room = min(64 << 10, limit - produced + 1)
            var status = Z_OK
            var wrote = 0
            target.append(capacity: room) { out in
                stream.next_out = out.assumingMemoryBound(to: UInt8.self).baseAddress
                stream.avail_out = UInt32(room)
                status = inflate(&stream, Z_NO_FLUSH)
                wrote = room - Int(stream.avail_out)
                return wrote
            }
            produced += wrote
            if status == Z_STREAM_END {
                if stream.avail_in == 0 { break }
                guard inflateReset(&stream) == Z_OK else { throw .corrupt("gzip stream cannot be reset") }
            } else if status == Z_BUF_ERROR || (status == Z_OK && stream.avail_in == 0 && wrote < room) {
                throw .corrupt("gzip stream is truncated")
            } else if status != Z_OK {
                throw .corrupt("gzip: \(stream.msg.map { String(cString: $0) } ?? "error \(status)")")
            }
        }
        if produced > limit { throw .tooLarge(limit: limit) }
    }

    /// What stands around the compressed bytes.
    public enum Format: Sendable {
        /// A gzip member (RFC 1952).
        case gzip
        /// A zlib stream (RFC 1950), which HTTP calls "deflate".
        case zlib
    }

    /// Appends one gzip member or zlib stream holding `source` to `target`. `level` is zlib's 1 (fast) to 9.
    public static func compress(
        _ source: UnsafeRawBufferPointer, into target: inout ByteBuffer, level: Int32 = 1, format: Format = .gzip
    ) {
        var stream = z_stream()
        let started = deflateInit2_(
            &stream, level, Z_DEFLATED, format == .gzip ? 15 + 16 : 15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(started == Z_OK, "deflateInit2 failed: \(started)")
        defer { deflateEnd(&stream) }
        let most = Int(deflateBound(&stream, UInt(source.count))) + 32
        stream.next_in = UnsafeMutablePointer(mutating: source.assumingMemoryBound(to: UInt8.self).baseAddress)
        stream.avail_in = UInt32(source.count)
        target.append(capacity: most) { room in
            stream.next_out = room.assumingMemoryBound(to: UInt8.self).baseAddress
            stream.avail_out = UInt32(most)
            let status = deflate(&stream, Z_FINISH)
            precondition(status == Z_STREAM_END, "deflate did not finish within its own bound: \(status)")
            return most - Int(stream.avail_out)
        }
    }
}
