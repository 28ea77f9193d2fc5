import Bedrock

/// Walks the frames of one log file in order, stepping over what doesn't check out.
struct LogScanner {
    let bytes: UnsafeRawBufferPointer
    let payloadBytesMax: Int
    /// Offset that the next frame should have.
    private(set) var expected: UInt64
    private var position = LogFileHeader.byteCount
    /// Bytes that may still be checksummed while searching for a frame behind damage: payloads that look like frames must not make it quadratic.
    private var searchBytesLeft = 256 << 20

    init(_ bytes: UnsafeRawBufferPointer, firstOffset: UInt64, payloadBytesMax: Int) {
        self.bytes = bytes
        self.payloadBytesMax = payloadBytesMax
        expected = firstOffset
    }

    /// The next sound frame; its offset is over `expected`'s old value where frames before it are unreadable. Nil at the end.
    mutating func next() -> LogFrame? {
        var at = position
        while at + LogFrame.headerBytes <= bytes.count && searchBytesLeft > 0 {
            let marker = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
            if marker == LogFrame.marker {
                if let frame = LogFrame.read(bytes, at: at, payloadBytesMax: payloadBytesMax), frame.offset >= expected
                {
                    position = frame.extent.upperBound
                    expected = frame.offset + 1
                    return frame
                }
                searchBytesLeft -= min(payloadBytesMax, bytes.count - at)
            }
            at += LogFrame.alignment
        }
        return nil
    }
}
