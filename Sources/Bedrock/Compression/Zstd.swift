import CZstd

/// Zstandard frames (RFC 8878).
public enum Zstd {
    /// Appends the decompressed form of `source` (one or more whole frames) to `target`.
    ///
    /// - Throws: `.tooLarge` once the output would pass `limit` bytes, `.corrupt` for bad or truncated frames.
    public static func decompress(
        _ source: UnsafeRawBufferPointer, into target: inout ByteBuffer, limit: Int
    ) throws(CompressionError) {
        let announced = ZSTD_getFrameContentSize(source.baseAddress, source.count)
        if announced == ZSTD_CONTENTSIZE_ERROR_SWIFT { throw .corrupt("not a zstd frame") }
        guard let context = ZSTD_createDStream() else { throw .corrupt("no memory for a zstd decoder") }
        defer { ZSTD_freeDStream(context) }
        // Bounds what a hostile frame header can make the decoder allocate.
        _ = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27)
        var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
        var produced = 0
        var state = 1
        let chunk = ZSTD_DStreamOutSize()
        while input.pos < input.size || state != 0 {
            guard produced <= limit else { throw .tooLarge(limit: limit) }
            let room = min(chunk, limit - produced + 1)
            var failure: String?
            var wrote = 0
            target.append(capacity: room) { out in
                var output = ZSTD_outBuffer(dst: out.baseAddress, size: room, pos: 0)
                state = ZSTD_decompressStream(context, &output, &input)
                if ZSTD_isError(state) != 0 { failure = String(cString: ZSTD_getErrorName(state)) }
                wrote = output.pos
                return output.pos
            }
            if let failure { throw .corrupt("zstd: \(failure)") }
            produced += wrote
            if state != 0 && input.pos == input.size && wrote < room { throw .corrupt("zstd frame is truncated") }
        }
        if produced > limit { throw .tooLarge(limit: limit) }
    }

    /// Appends the compressed form of `source`, one frame, to `target`. `level` as in the zstd tool (1...19).
    public static func compress(_ source: UnsafeRawBufferPointer, into target: inout ByteBuffer, level: Int32 = 3) {
        let most = ZSTD_compressBound(source.count)
        target.append(capacity: most) { room in
            let written = ZSTD_compress(room.baseAddress, most, source.baseAddress, source.count, level)
            precondition(ZSTD_isError(written) == 0, "zstd refused a buffer of its own maximum size")
            return written
        }
    }
}

private let ZSTD_CONTENTSIZE_ERROR_SWIFT: UInt64 = .max - 1
