import Bedrock
import Columns
import LSM
import Model
import Synchronization

/// The index of a segment, decoded: what its spans refer to, its blocks, where its ids are. Immutable and thread-safe, but for the pages of the id
/// index, which are read when they are asked for.
final class TraceIndex: @unchecked Sendable {
    /// A column of the segment.
    struct Column {
        let role: ColumnRole
        let type: AttributeType
        let key: [UInt8]
        /// Texts that blocks refer to by number.
        let values: LineArena
        /// Whether blocks have texts of their own, too.
        let isLocal: Bool
    }

    let names: LineArena
    /// As `ResourceBytes` and `ScopeBytes` read them.
    let resources: LineArena
    let scopes: LineArena
    let columns: [Column]
    /// Numbers of columns by key, of attributes.
    let attributes: [[UInt8]: [Int]]
    /// Keys without a column: a scope's number, then the key.
    let keys: LineArena
    /// Whether there may be keys that are not among them.
    let isKeysCut: Bool
    let blocks: [BlockEntry]
    /// Number of the first trace of each block; one more at the end.
    let firstTraces: [Int]
    let idPages: [IDPage]
    let byteCount: Int
    private let pages: Mutex<[IDPageEntries?]>

    init(
        names: LineArena, resources: LineArena, scopes: LineArena, columns: [Column], keys: LineArena, isKeysCut: Bool,
        blocks: [BlockEntry], idPages: [IDPage]
    ) {
        self.names = names
        self.resources = resources
        self.scopes = scopes
        self.columns = columns
        self.keys = keys
        self.isKeysCut = isKeysCut
        self.blocks = blocks
        self.idPages = idPages
        var attributes: [[UInt8]: [Int]] = [:]
        for (number, column) in columns.enumerated() where column.role == .attribute {
            attributes[column.key, default: []].append(number)
        }
        self.attributes = attributes
        var first = 0
        var firstTraces: [Int] = []
        for block in blocks {
            firstTraces.append(first)
            first += block.traceCount
        }
        firstTraces.append(first)
        self.firstTraces = firstTraces
        pages = Mutex([IDPageEntries?](repeating: nil, count: idPages.count))
        byteCount =
            4096 + names.bytes.allocatedBytes + resources.bytes.allocatedBytes + scopes.bytes.allocatedBytes
            + keys.bytes.allocatedBytes
            + columns.reduce(0) { $0 + 96 + $1.values.bytes.allocatedBytes + $1.values.count * 8 }
            + blocks.reduce(0) { $0 + 128 + $1.chunks.count * 32 + ($1.names.count + $1.resources.count) * 4 }
            + first * 8
    }

    /// The block and position in it of a trace, by its number in the segment.
    func place(_ trace: Int) -> (block: Int, trace: Int) {
        var low = 0
        var high = blocks.count
        while low + 1 < high {
            let middle = (low + high) / 2
            if firstTraces[middle] <= trace { low = middle } else { high = middle }
        }
        return (low, trace - firstTraces[low])
    }

    func page(_ number: Int, _ read: () throws -> IDPageEntries) throws -> IDPageEntries {
        if let known = pages.withLock({ $0[number] }) { return known }
        let made = try read()
        pages.withLock { $0[number] = made }
        return made
    }
}
