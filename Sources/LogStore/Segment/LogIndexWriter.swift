import Bedrock
import LSM
import Model

/// Gathers the index of a segment that is being written: streams, blocks, field names. Not thread-safe.
struct LogIndexWriter {
    var footer = LogFooter()
    private let labels = TextBytes()
    /// Sections once more, to stand behind the others.
    private let copies = TextBytes()
    private var entries: [BlockEntry] = []
    private var fields: [[UInt8]] = []
    private var runCount = 0

    /// Byte strings, one behind the other.
    private final class TextBytes {
        var bytes = ByteBuffer(capacity: 4096)
        var ends: [Int] = []
    }

    var streamCount: Int { labels.ends.count }
    var memoryBytes: Int {
        labels.bytes.allocatedBytes + labels.ends.count * 8 + runCount * MemoryLayout<BlockEntry.Run>.stride
            + entries.count * 256
    }

    mutating func append(_ stream: UnsafeRawBufferPointer) {
        labels.bytes.append(prefixed: stream)
        labels.ends.append(labels.bytes.count)
    }

    mutating func append(_ block: BlockEntry) {
        var block = block
        for run in block.runs {
            block.firstTime = min(block.firstTime, run.firstTime)
            block.lastTime = max(block.lastTime, run.lastTime)
            footer.lineBytes += run.lineBytes
        }
        footer.firstTime = min(footer.firstTime, block.firstTime)
        footer.lastTime = max(footer.lastTime, block.lastTime)
        footer.rowCount += block.rowCount
        runCount += block.runs.count
        entries.append(block)
    }

    /// The number of a metadata field, given when it is new.
    mutating func fieldNumber(_ name: UnsafeRawBufferPointer) -> Int {
        // Few names, each seen very often: a scan costs less than hashing.
        for (number, known) in fields.enumerated() where known.elementsEqual(name) { return number }
        fields.append(Array(name))
        return fields.count - 1
    }

    /// Writes index and footer.
    mutating func finish(lines: UnsafeRawBufferPointer, _ out: any ObjectWriter) throws -> SegmentSummary {
        footer.streamCount = streamCount
        footer.blockCount = entries.count
        try write(.lines, lines, items: 1, out)
        for start in stride(from: 0, to: streamCount, by: LogLayout.streamsPerSection) {
            let end = min(streamCount, start + LogLayout.streamsPerSection)
            let from = start == 0 ? 0 : labels.ends[start - 1]
            let raw = UnsafeRawBufferPointer(rebasing: labels.bytes.bytes[from..<labels.ends[end - 1]])
            try write(.streams, raw, items: end - start, out)
        }
        var section = ByteBuffer(capacity: 4096)
        if !fields.isEmpty {
            for name in fields { name.withUnsafeBytes { section.append(prefixed: $0) } }
            try write(.fields, section.bytes, items: fields.count, out)
        }
        for start in stride(from: 0, to: entries.count, by: LogLayout.blocksPerSection) {
            section.clear()
            let group = entries[start..<min(entries.count, start + LogLayout.blocksPerSection)]
            for entry in group { entry.encode(into: &section) }
            try write(.blocks, section.bytes, items: group.count, out)
        }
        // Until now their offsets were relative, and one more than that, as 0 means none.
        for at in footer.sections.indices where footer.sections[at].copyOffset > 0 {
            footer.sections[at].copyOffset += out.count - 1
        }
        try out.append(copies.bytes.bytes)
        try footer.write(to: out)
        return footer.summary(byteCount: out.count)
    }

    private mutating func write(
        _ kind: LogLayout.Section, _ raw: UnsafeRawBufferPointer, items: Int, _ out: any ObjectWriter
    ) throws {
        var packed = ByteBuffer(capacity: raw.count / 2 + 64)
        Zstd.compress(raw, into: &packed, level: LogLayout.indexCompressionLevel)
        let isPacked = packed.count < raw.count
        let stored = isPacked ? packed.bytes : raw
        // A flushed segment is merged soon, and its dictionary is much of it.
        let isCopied = kind != .lines || footer.tier > 0
        footer.sections.append(
            LogFooter.Section(
                kind: kind, offset: out.count, copyOffset: isCopied ? copies.bytes.count + 1 : 0,
                storedBytes: stored.count, rawBytes: isPacked ? raw.count : 0,
                checksum: CRC32C.of(stored), firstItem: 0, itemCount: items))
        try out.append(stored)
        if isCopied { copies.bytes.append(stored) }
    }
}
