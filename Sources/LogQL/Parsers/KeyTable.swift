import Bedrock

/// Which names a pipeline's caller and stages need; extractors skip the others.
struct WantedNames {
    /// nil: all.
    let names: [String]?
    /// Whether somebody looks at `__error__`, so that a line must be read to its end whatever has been found.
    let needsErrors: Bool

    static let all = WantedNames(names: nil, needsErrors: true)

    /// Whether a parser may skip all lines.
    var isNothing: Bool { names?.isEmpty == true && !needsErrors }

    /// Whether any of these, or what they are called when stream or metadata have the name, is wanted.
    func isWanted(any candidates: [String]) -> Bool {
        guard let names else { return true }
        return candidates.contains { names.contains($0) || names.contains($0 + "_extracted") }
    }
}

/// The keys of lines, with the label name that each gives: a key is sanitised, hashed and compared with the wanted names only when it is first
/// met. Keys of nested objects hang below the key of the object. Not thread-safe.
///
/// Lines of one kind have their keys in the same order, so each key remembers which one came after it: then finding a key is one comparison.
final class KeyTable {
    private struct Key {
        var raw: UnsafeRawBufferPointer
        var hash: UInt64
        var parent: Int32
        /// Key that came after this one last time.
        var next: Int32
        /// Number of the label's name; -1: the key gives none.
        var nameID: Int32
        /// Whether the label, or its `_extracted`, is wanted.
        var isWanted: Bool
        /// Whether labels below this key may be wanted.
        var mayHoldWanted: Bool
        /// The whole path, sanitised.
        var path: UnsafeRawBufferPointer
    }

    private let names: LabelNames
    private let wanted: [[UInt8]]?
    @exclusivity(unchecked) private var keys: ContiguousArray<Key> = []
    @exclusivity(unchecked) private var table: ContiguousArray<Int32> = []
    @exclusivity(unchecked) private var storage = ScratchArena()
    @exclusivity(unchecked) private var storedBytes = 0
    @exclusivity(unchecked) private var epoch = -1
    @exclusivity(unchecked) private var path = ByteBuffer(capacity: 128)
    @exclusivity(unchecked) private var last: Int32 = 0

    /// The parent of keys that aren't nested.
    static let root: Int32 = 0
    static let countMax = 8192
    static let bytesMax = 1 << 20

    init(_ names: LabelNames, wanted: WantedNames) {
        self.names = names
        self.wanted = wanted.names.map { $0.map { Array($0.utf8) } }
    }

    /// To be called before each row.
    @inline(__always)
    func beginRow() {
        if epoch != names.epoch || keys.count > Self.countMax || storedBytes > Self.bytesMax { forget() }
        last = Self.root
    }

    private func forget() {
        epoch = names.epoch
        storage = ScratchArena()
        storedBytes = 0
        keys.removeAll(keepingCapacity: true)
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        keys.append(
            Key(
                raw: nothing, hash: 0, parent: -1, next: -1, nameID: -1, isWanted: false, mayHoldWanted: true,
                path: nothing))
        table = ContiguousArray(repeating: -1, count: 512)
    }

    /// Number of the label's name; -1: the key gives none.
    @inline(__always)
    func nameID(_ key: Int32) -> Int32 { keys[Int(key)].nameID }

    @inline(__always)
    func isWanted(_ key: Int32) -> Bool { keys[Int(key)].isWanted }

    @inline(__always)
    func mayHoldWanted(_ key: Int32) -> Bool { keys[Int(key)].mayHoldWanted }

    /// The sanitised path of a key.
    func path(_ key: Int32) -> UnsafeRawBufferPointer { keys[Int(key)].path }

    /// The number of `raw` below `parent`, in the text as it stands in the line.
    @inline(__always)
    func find(_ raw: UnsafeRawBufferPointer, parent: Int32) -> Int32 {
        let guess = keys[Int(last)].next
        if guess >= 0, keys[Int(guess)].parent == parent, equalBytes(keys[Int(guess)].raw, raw) {
            last = guess
            return guess
        }
        let found = search(raw, parent)
        keys[Int(last)].next = found
        last = found
        return found
    }

    private func search(_ raw: UnsafeRawBufferPointer, _ parent: Int32) -> Int32 {
        let hash = hashBytes(raw, seed: UInt64(truncatingIfNeeded: parent))
        let mask = table.count - 1
        var at = Int(truncatingIfNeeded: hash) & mask
        while table[at] >= 0 {
            let key = keys[Int(table[at])]
            if key.hash == hash, key.parent == parent, equalBytes(key.raw, raw) { return table[at] }
            at = (at + 1) & mask
        }
        return insert(raw, hash, parent)
    }

    private func insert(_ raw: UnsafeRawBufferPointer, _ hash: UInt64, _ parent: Int32) -> Int32 {
        path.clear()
        path.append(keys[Int(parent)].path)
        let isBlank = LabelNameSanitizer.isAllBlank(raw)
        if !isBlank {
            if !path.isEmpty { path.append(UInt8(ascii: "_")) }
            LabelNameSanitizer.append(raw, to: &path)
        }
        // A blank key at the top gives no label; nested, it adds nothing to the path.
        let nameID = isBlank && parent == Self.root ? -1 : names.id(path.bytes)
        let index = Int32(truncatingIfNeeded: keys.count)
        keys.append(
            Key(
                raw: storage.copy(raw), hash: hash, parent: parent, next: -1, nameID: nameID,
                isWanted: nameID >= 0 && isWantedName(path.bytes), mayHoldWanted: mayPrefixWanted(path.bytes),
                path: storage.copy(path.bytes)))
        storedBytes += raw.count + path.count + MemoryLayout<Key>.stride
        if keys.count * 2 > table.count {
            table = ContiguousArray(repeating: -1, count: table.count * 2)
            for key in keys.indices.dropFirst() { place(Int32(truncatingIfNeeded: key)) }
        } else {
            place(index)
        }
        return index
    }

    private func place(_ index: Int32) {
        let mask = table.count - 1
        var at = Int(truncatingIfNeeded: keys[Int(index)].hash) & mask
        while table[at] >= 0 { at = (at + 1) & mask }
        table[at] = index
    }

    /// The name itself, or what it is called when stream or metadata have it.
    private func isWantedName(_ name: UnsafeRawBufferPointer) -> Bool {
        guard let wanted else { return true }
        return wanted.contains { text in
            text.withUnsafeBytes { bytes in
                equalBytes(bytes, name)
                    || (bytes.count == name.count + Self.suffix.utf8CodeUnitCount && bytes.starts(with: name)
                        && equalBytes(
                            UnsafeRawBufferPointer(rebasing: bytes[name.count...]),
                            UnsafeRawBufferPointer(start: Self.suffix.utf8Start, count: Self.suffix.utf8CodeUnitCount)))
            }
        }
    }

    private static let suffix: StaticString = "_extracted"

    private func mayPrefixWanted(_ path: UnsafeRawBufferPointer) -> Bool {
        guard let wanted else { return true }
        return path.isEmpty || wanted.contains { $0.starts(with: path) }
    }
}
