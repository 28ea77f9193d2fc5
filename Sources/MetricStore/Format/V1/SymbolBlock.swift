import Bedrock
import LSM

/// A run of the sorted symbols. Each is written as what differs from the one before it.
///
/// Per symbol: shared prefix, length of the rest (varints), the rest.
final class SymbolBlock: Sendable {
    let firstSymbol: Int
    private let bytes: [UInt8]
    /// Where each symbol ends in `bytes`.
    private let ends: [UInt32]

    var byteCount: Int { bytes.count + ends.count * 4 + 64 }
    var count: Int { ends.count }

    /// Appends a symbol that follows `previous` in the same block (empty, for the first).
    static func append(
        _ symbol: UnsafeRawBufferPointer, after previous: UnsafeRawBufferPointer, into target: inout ByteBuffer
    ) {
        let shared = commonPrefix(symbol, previous, limit: min(symbol.count, previous.count))
        target.append(varint: shared)
        target.append(prefixed: UnsafeRawBufferPointer(rebasing: symbol[shared...]))
    }

    init(_ block: UnsafeRawBufferPointer, items: Range<Int>) throws(DecodeError) {
        firstSymbol = items.lowerBound
        var reader = ByteReader(block)
        var bytes: [UInt8] = []
        var ends: [UInt32] = []
        var start = 0
        for _ in items {
            let shared = try reader.length(limit: bytes.count - start)
            let rest = try reader.prefixed()
            let next = bytes.count
            guard next + shared + rest.count <= SegmentLayout.blockBytesMax else {
                throw DecodeError("symbols are too long", at: reader.offset)
            }
            for i in 0..<shared { bytes.append(bytes[start + i]) }
            bytes.append(contentsOf: rest)
            start = next
            ends.append(UInt32(bytes.count))
        }
        guard reader.isAtEnd else { throw DecodeError("bytes behind the last symbol", at: reader.offset) }
        self.bytes = bytes
        self.ends = ends
    }

    /// Calls `body` with the bytes of a symbol of this block.
    func withSymbol<R>(_ id: Int, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try bytes.withUnsafeBytes { all in
            let at = id - firstSymbol
            let start = at == 0 ? 0 : Int(ends[at - 1])
            return try body(UnsafeRawBufferPointer(rebasing: all[start..<Int(ends[at])]))
        }
    }

    /// The id of a symbol, if it is in this block.
    func find(_ symbol: UnsafeRawBufferPointer) -> Int? {
        let id = lowerBound(symbol)
        guard id < firstSymbol + count, withSymbol(id, { compareMemory($0, symbol) }) == 0 else { return nil }
        return id
    }

    /// The first id of this block whose symbol is not before `symbol`; the id behind the block when all are.
    func lowerBound(_ symbol: UnsafeRawBufferPointer) -> Int {
        var low = 0
        var high = ends.count
        while low < high {
            let middle = (low + high) >> 1
            if withSymbol(firstSymbol + middle, { compareMemory($0, symbol) }) < 0 {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return firstSymbol + low
    }
}
