import Bedrock
import Model

/// Encodes the lines of one segment, block by block; one per segment that is being written. Not thread-safe.
///
/// A block is gathered by `append` (texts, or rows of blocks of other segments, mixed at will) and written by `encodePending`. The dictionary
/// comes last.
public final class LineEncoder {
    private let pending = LineArena()
    private let scratch = ColumnScratch()

    public init() {}

    /// Rows gathered for the next block.
    public var pendingRows: Int { pending.count }
    /// Bytes of their lines.
    public var pendingLineBytes: Int { pending.bytes.count }
    /// Memory, for budgets.
    public var memoryBytes: Int { pending.bytes.allocatedBytes }

    /// Adds one line to the next block.
    public func append(_ line: UnsafeRawBufferPointer) { pending.append(line) }

    /// Adds rows of a block, of this or another segment.
    public func append(block: LineBlock, rows: UnsafeBufferPointer<Int32>) throws(ColumnError) {
        try block.read(rows, into: pending)
    }

    /// Writes what was gathered as one block.
    public func encodePending(into target: inout ByteBuffer) {
        TextArena.encode(pending, level: 3, scratch: scratch, into: &target)
        pending.clear()
    }

    /// Writes a block of `lines`.
    public func encodeBlock(_ lines: LineArena, into target: inout ByteBuffer) {
        for i in 0..<lines.count { append(lines[i]) }
        encodePending(into: &target)
    }

    /// Writes the dictionary that all blocks need; nothing may be encoded afterwards.
    public func finishDictionary(into target: inout ByteBuffer) { target.append(UInt8(0)) }
}
