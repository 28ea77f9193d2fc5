import Bedrock

/// What the last file of a log says about where the log ends.
///
/// Frames of the group written last may be torn, in any order, and none of them was acknowledged unless all are whole. So the log ends
/// before the first unreadable record that no later frame proves to have been durable.
struct LogTail {
    /// The last record that counts.
    var lastOffset: UInt64
    /// Up to here some frame or the file itself proves durability; records behind may sit in the page cache only.
    var provenThrough: UInt64
    /// Frames behind `provenThrough`, one after the other, as they are in the file.
    var unproven: [Range<Int>]

    init(_ bytes: UnsafeRawBufferPointer, firstOffset: UInt64, payloadBytesMax: Int) {
        var frames: [LogFrame] = []
        var scanner = LogScanner(bytes, firstOffset: firstOffset, payloadBytesMax: payloadBytesMax)
        while let frame = scanner.next() { frames.append(frame) }
        // A file is begun only once everything before it is durable, and is named once its first group is.
        var proven = firstOffset - 1
        if case .sound(let header) = LogFileHeader.read(bytes) { proven = max(proven, header.publishedThrough) }
        provenThrough = frames.reduce(proven) { max($0, $1.syncedThrough) }
        lastOffset = firstOffset - 1
        unproven = []
        for frame in frames {
            if frame.offset > lastOffset + 1 && lastOffset + 1 > provenThrough { break }
            lastOffset = frame.offset
            if frame.offset > provenThrough { unproven.append(frame.extent) }
        }
        lastOffset = max(lastOffset, provenThrough)
    }
}
