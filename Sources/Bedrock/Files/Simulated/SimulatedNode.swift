/// A file or directory of the simulation: what programs see, and what the medium holds.
///
/// Guarded by the file system's lock.
final class SimulatedNode {
    enum Change {
        case write(offset: Int, bytes: [UInt8])
        case truncate(size: Int)
    }

    let isDirectory: Bool
    /// What reads see.
    private(set) var content: [UInt8] = []
    /// What a power cut is sure to leave.
    private var durable: [UInt8] = []
    /// Since the last sync, in order.
    private var pending: [Change] = []
    var modified: Int64 = 0

    static let sectorBytes = 512

    init(isDirectory: Bool) { self.isDirectory = isDirectory }

    var size: Int { content.count }

    /// The address serves as the inode: like one, it is taken again once the node is gone.
    var status: FileStatus {
        FileStatus(
            size: UInt64(size), isDirectory: isDirectory, modified: modified, device: 1,
            inode: UInt64(UInt(bitPattern: ObjectIdentifier(self).hashValue)))
    }

    func write(_ bytes: [UInt8], at offset: Int) {
        let change = Change.write(offset: offset, bytes: bytes)
        Self.apply(change, to: &content)
        pending.append(change)
    }

    func truncate(to size: Int) {
        Self.apply(.truncate(size: size), to: &content)
        pending.append(.truncate(size: size))
    }

    func sync() {
        for change in pending { Self.apply(change, to: &durable) }
        pending.removeAll()
    }

    /// A failed sync, as Linux does it: the pages count as clean from now on, whether they reached the medium or not.
    func failSync(using generator: inout SeededGenerator) {
        for change in pending where Bool.random(using: &generator) { Self.apply(change, to: &durable) }
        pending.removeAll()
    }

    /// Bit rot: flips a bit both in the cache and on the medium.
    func flip(bit: Int) {
        let byte = bit / 8
        let mask = UInt8(1) << UInt8(bit % 8)
        if byte < content.count { content[byte] ^= mask }
        if byte < durable.count { durable[byte] ^= mask }
    }

    /// The power went: unsynced changes are forgotten, kept or torn at sector boundaries.
    func crash(using generator: inout SeededGenerator) {
        let mode = Int.random(in: 0..<3, using: &generator)
        for change in pending where mode > 0 {
            if mode == 1 {
                Self.apply(change, to: &durable)
                continue
            }
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: break
            case 1: Self.apply(change, to: &durable)
            default: tear(change, using: &generator)
            }
        }
        pending.removeAll()
        content = durable
    }

    private func tear(_ change: Change, using generator: inout SeededGenerator) {
        guard case .write(let offset, let bytes) = change, !bytes.isEmpty else { return }
        var at = offset
        let end = offset + bytes.count
        while at < end {
            let next = min(end, (at / Self.sectorBytes + 1) * Self.sectorBytes)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: break
            case 1:
                let garbage = (at..<next).map { _ in UInt8.random(in: 0...255, using: &generator) }
                Self.apply(.write(offset: at, bytes: garbage), to: &durable)
            default:
                Self.apply(.write(offset: at, bytes: Array(bytes[at - offset..<next - offset])), to: &durable)
            }
            at = next
        }
    }

    private static func apply(_ change: Change, to bytes: inout [UInt8]) {
        switch change {
        case .truncate(let size):
            if size < bytes.count {
                bytes.removeLast(bytes.count - size)
            } else {
                bytes.append(contentsOf: repeatElement(0, count: size - bytes.count))
            }
        case .write(let offset, let source):
            if offset > bytes.count { bytes.append(contentsOf: repeatElement(0, count: offset - bytes.count)) }
            let over = min(source.count, bytes.count - offset)
            if over > 0 { bytes.replaceSubrange(offset..<offset + over, with: source[..<over]) }
            if over < source.count { bytes.append(contentsOf: source[over...]) }
        }
    }
}
