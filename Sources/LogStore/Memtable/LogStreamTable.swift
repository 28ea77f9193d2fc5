import Bedrock
import LSM
import Model
import Synchronization

/// Label sets of one tenant in one memtable, and where the rows of each begin.
///
/// One thread inserts; any number of readers look at it meanwhile without locks. Numbers count up from 0 in order of arrival.
final class LogStreamTable: @unchecked Sendable {
    struct Stream: ~Copyable {
        let labels: UnsafeRawBufferPointer
        let hash: UInt64
        /// Address of the newest `LogRowPage`; 0 when there is none.
        let rows = Atomic<UInt>(0)

        var newestPage: LogRowPage? { LogRowPage(address: rows.load(ordering: .acquiring)) }
    }

    let tenant: Tenant
    let streams = PagedArray<Stream>()
    private let table = IdentityTable()

    init(_ tenant: Tenant) { self.tenant = tenant }

    /// Bytes beside the memtable's arena; for the writer.
    var byteCount: Int { streams.byteCount + table.byteCount }

    /// The number of a stream, given when it is new; its labels must be canonical, and are copied. For the writer.
    func findOrAdd(_ labels: UnsafeRawBufferPointer, arena: SlabArena) -> Int {
        let hash = Hash128(of: labels).low
        if let known = table.find(hash, { compareMemory(streams.pointer($0).pointee.labels, labels) == 0 }) {
            return known
        }
        let number = streams.append(Stream(labels: arena.copy(labels), hash: hash))
        table.insert(hash, number) { streams.pointer($0).pointee.hash }
        return number
    }
}
