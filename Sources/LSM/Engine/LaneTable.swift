import Bedrock

/// The last sequence applied per lane, by which retries are told from new batches. Owned by the shard's worker.
struct LaneTable {
    private var lanes: [Lane: LaneState]
    /// Since the last checkpoint and since the last seal.
    private var unsaved: Set<Lane> = []
    private var uncommitted: Set<Lane> = []
    private var forgotten: Set<Lane> = []
    private let countMax: Int

    init(_ lanes: [Lane: LaneState], countMax: Int) {
        self.lanes = lanes
        self.countMax = countMax
    }

    var count: Int { lanes.count }

    /// Whether a batch of this sequence was applied before.
    func isRepeat(_ lane: Lane, _ sequence: UInt64) -> Bool {
        guard let known = lanes[lane] else { return false }
        return sequence <= known.sequence
    }

    mutating func note(_ lane: Lane, _ sequence: UInt64, offset: UInt64) {
        lanes[lane] = LaneState(sequence: sequence, offset: offset)
        unsaved.insert(lane)
        uncommitted.insert(lane)
        forgotten.remove(lane)
        if lanes.count > countMax { forgetOldest() }
    }

    /// Forgets a tenth, those unused for longest; decided by offsets alone, so that a replay does the same.
    private mutating func forgetOldest() {
        let oldest = lanes.sorted { $0.value.offset < $1.value.offset }.prefix(max(1, countMax / 10))
        for (lane, _) in oldest {
            lanes[lane] = nil
            unsaved.remove(lane)
            uncommitted.remove(lane)
            forgotten.insert(lane)
        }
    }

    /// What changed since the last call, for the commit of the memtable just sealed.
    mutating func takeUncommitted() -> (changed: [Lane: LaneState], forgotten: Set<Lane>) {
        defer {
            uncommitted.removeAll()
            forgotten.removeAll()
        }
        return (lanes.filter { uncommitted.contains($0.key) }, forgotten)
    }

    /// Appends what changed since the last call, for a checkpoint: a count, then per lane producer, number, sequence, offset.
    mutating func appendUnsaved(to buffer: inout ByteBuffer) {
        let changed = unsaved.compactMap { lane in lanes[lane].map { (lane, $0) } }
        buffer.append(varint: changed.count)
        for (lane, state) in changed.sorted(by: { $0.1.offset < $1.1.offset }) {
            buffer.append(prefixed: lane.producer)
            buffer.append(varint: UInt64(lane.number))
            buffer.append(varint: state.sequence)
            buffer.append(varint: state.offset)
        }
        unsaved.removeAll()
    }

    /// Takes a checkpoint's lanes back in.
    mutating func restore(_ bytes: UnsafeRawBufferPointer) throws(DecodeError) {
        var reader = ByteReader(bytes)
        let count = try reader.length(limit: bytes.count)
        for _ in 0..<count {
            let producer = String(decoding: try reader.prefixed(), as: UTF8.self)
            let number = UInt32(truncatingIfNeeded: try reader.varint())
            let sequence = try reader.varint()
            note(Lane(producer: producer, number: number), sequence, offset: try reader.varint())
        }
        unsaved.removeAll()
    }
}
