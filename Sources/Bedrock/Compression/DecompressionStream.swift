import CZlib
import CZstd

/// Decompresses piece by piece, with bounded memory. Not thread-safe.
public protocol DecompressionStream: AnyObject {
    /// Takes of `source` what it can and writes to `target` what it can; at least one of both, unless both are empty.
    func step(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> (consumed: Int, produced: Int)
    /// Whether what was taken so far is whole.
    var isAtBoundary: Bool { get }
    /// Starts again.
    func reset()
}

/// gzip members in a row.
public final class GzipStream: DecompressionStream {
    // zlib keeps the address of the state.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private var isReady: Bool
    public private(set) var isAtBoundary = true

    public init() {
        stream.initialize(to: z_stream())
        isReady = inflateInit2_(stream, 15 + 32, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    }

    deinit {
        if isReady { inflateEnd(stream) }
        stream.deallocate()
    }

    public func step(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> (consumed: Int, produced: Int) {
        guard isReady else { throw .corrupt("no memory for a gzip decoder") }
        let input = min(source.count, 1 << 30)
        let room = min(target.count, 1 << 30)
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: source.assumingMemoryBound(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = UInt32(input)
        stream.pointee.next_out = target.assumingMemoryBound(to: UInt8.self).baseAddress
        stream.pointee.avail_out = UInt32(room)
        let status = inflate(stream, Z_NO_FLUSH)
        let consumed = input - Int(stream.pointee.avail_in)
        if consumed > 0 { isAtBoundary = false }
        switch status {
        case Z_STREAM_END:
            isAtBoundary = true
            inflateReset(stream)
        case Z_OK, Z_BUF_ERROR: break
        default: throw .corrupt("gzip: \(stream.pointee.msg.map { String(cString: $0) } ?? "error \(status)")")
        }
        return (consumed, room - Int(stream.pointee.avail_out))
    }

    public func reset() {
        isAtBoundary = true
        inflateReset(stream)
    }
}

/// zstd frames in a row.
public final class ZstdStream: DecompressionStream {
    private let context: OpaquePointer?
    public private(set) var isAtBoundary = true

    public init() {
        context = ZSTD_createDStream()
        // Bounds what a hostile frame header can make the decoder allocate.
        if let context { _ = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27) }
    }

    deinit { ZSTD_freeDStream(context) }

    public func step(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> (consumed: Int, produced: Int) {
        guard let context else { throw .corrupt("no memory for a zstd decoder") }
        var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
        var output = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
        let state = ZSTD_decompressStream(context, &output, &input)
        guard ZSTD_isError(state) == 0 else { throw .corrupt("zstd: \(String(cString: ZSTD_getErrorName(state)))") }
        if input.pos > 0 || output.pos > 0 { isAtBoundary = state == 0 }
        return (input.pos, output.pos)
    }

    public func reset() {
        isAtBoundary = true
        if let context { _ = ZSTD_DCtx_reset(context, ZSTD_reset_session_only) }
    }
}
