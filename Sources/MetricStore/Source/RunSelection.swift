import Bedrock
import LSM
import Model

/// The matching series of one run in the order of their labels, with their canonical label bytes.
final class RunSelection: @unchecked Sendable {
    let ordinals: [UInt32]
    /// Addresses into an index or an arena that this object keeps alive.
    let keys: [UnsafeRawBufferPointer]
    private let owner: AnyObject

    private init(ordinals: [UInt32], keys: [UnsafeRawBufferPointer], owner: AnyObject) {
        self.ordinals = ordinals
        self.keys = keys
        self.owner = owner
    }

    /// - Parameter ordinals: of `run`, ascending. Series whose labels are damaged are left out.
    static func make(_ run: MetricRun, _ ordinals: [UInt32], damage: DamageFilter) throws -> RunSelection {
        switch run.storage {
        case .memtable(_, let table):
            let index = table.index
            let sorted = ordinals.map { (ordinal: $0, key: index.series.pointer(Int($0)).pointee.labels) }
                .sorted { compareLabels($0.key, $1.key) < 0 }
            return RunSelection(ordinals: sorted.map(\.ordinal), keys: sorted.map(\.key), owner: index)
        case .segment(let segment):
            var bytes = ByteBuffer(capacity: ordinals.count * 128 + 16)
            var ends: [Int] = []
            var kept: [UInt32] = []
            for ordinal in ordinals {
                let start = bytes.count
                do {
                    try segment.appendLabels(Int(ordinal), to: &bytes)
                    ends.append(bytes.count)
                    kept.append(ordinal)
                } catch let error as SegmentDamage {
                    bytes.truncate(to: start)
                    damage.report(error)
                }
            }
            let arena = BlockBytes(bytes)
            var start = 0
            let keys = ends.map { end -> UnsafeRawBufferPointer in
                defer { start = end }
                return UnsafeRawBufferPointer(rebasing: arena.bytes[start..<end])
            }
            return RunSelection(ordinals: kept, keys: keys, owner: arena)
        }
    }
}

/// The union of the series of several runs, in order: each once, with where it is found.
struct SeriesUnion: Sendable {
    struct Place: Sendable {
        var run: Int32
        var ordinal: UInt32
    }

    /// Canonical label bytes; alive as long as `selections`.
    private(set) var keys: [UncheckedKey] = []
    /// Places of series `i`: `places[starts[i] ..< starts[i + 1]]`, by run, which is the order of precedence.
    private(set) var starts: [Int] = [0]
    private(set) var places: [Place] = []
    private let selections: [RunSelection]

    /// Bytes that the union's owner keeps alive.
    struct UncheckedKey: @unchecked Sendable {
        let bytes: UnsafeRawBufferPointer
    }

    var count: Int { keys.count }

    init(_ selections: [RunSelection]) {
        self.selections = selections
        let total = selections.reduce(0) { $0 + $1.keys.count }
        keys.reserveCapacity(total)
        places.reserveCapacity(total)
        starts.reserveCapacity(total + 1)
        // A heap of runs by their next key; of equal keys the earlier run comes first.
        var next = [Int](repeating: 0, count: selections.count)
        var heap = selections.indices.filter { !selections[$0].keys.isEmpty }
        func isBefore(_ a: Int, _ b: Int) -> Bool {
            let order = compareLabels(selections[a].keys[next[a]], selections[b].keys[next[b]])
            return order != 0 ? order < 0 : a < b
        }
        func sift(_ start: Int) {
            var at = start
            while true {
                var least = at
                for child in [2 * at + 1, 2 * at + 2] where child < heap.count && isBefore(heap[child], heap[least]) {
                    least = child
                }
                if least == at { return }
                heap.swapAt(at, least)
                at = least
            }
        }
        for at in heap.indices.reversed() { sift(at) }
        while let run = heap.first {
            let key = selections[run].keys[next[run]]
            if let last = keys.last, compareMemory(last.bytes, key) == 0 {
                starts[starts.count - 1] += 1
            } else {
                keys.append(UncheckedKey(bytes: key))
                starts.append(places.count + 1)
            }
            places.append(Place(run: Int32(run), ordinal: selections[run].ordinals[next[run]]))
            next[run] += 1
            if next[run] == selections[run].keys.count {
                heap[0] = heap[heap.count - 1]
                heap.removeLast()
            }
            if !heap.isEmpty { sift(0) }
        }
    }

    func places(_ series: Int) -> ArraySlice<Place> { places[starts[series]..<starts[series + 1]] }
}
