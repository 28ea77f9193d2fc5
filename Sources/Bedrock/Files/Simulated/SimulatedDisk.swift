/// The state behind `SimulatedFileSystem`, guarded by its lock.
struct SimulatedDisk: @unchecked Sendable {
    enum NameChange {
        case create(String, SimulatedNode)
        case remove(String)
        case rename(String, String, SimulatedNode)

        func touches(_ directory: String) -> Bool {
            switch self {
            case .create(let path, _), .remove(let path): Path.parent(path) == directory
            case .rename(let source, let target, _):
                Path.parent(source) == directory || Path.parent(target) == directory
            }
        }
    }

    var names: [String: SimulatedNode] = [:]
    /// Names as a power cut is sure to leave them.
    private var durable: [String: SimulatedNode] = [:]
    /// Changes of names since their directory's last sync, in order.
    private var pending: [NameChange] = []
    var generator: SeededGenerator
    var faults = SimulatedFaults()
    var capacity: UInt64
    private(set) var used: UInt64 = 0
    var changeCount = 0
    var isDown = false
    /// Handles of an earlier one are dead.
    var incarnation = 0
    var locks: Set<String> = []
    private let clock: (any ClockSource)?

    init(seed: UInt64, capacity: UInt64, clock: (any ClockSource)?) {
        generator = SeededGenerator(seed: seed)
        self.capacity = capacity
        self.clock = clock
    }

    static func isRoot(_ path: String) -> Bool { path == "/" || path == "." || path.isEmpty }

    static func powerIsOff(_ operation: String, _ path: String) -> FileError {
        FileError(operation, path, .io, text: "the power is off")
    }

    func requireDirectory(_ path: String, for operation: String, _ target: String) throws(FileError) {
        if Self.isRoot(path) || names[path]?.isDirectory ?? false { return }
        throw FileError(operation, target, .notFound, text: "no such directory")
    }

    mutating func createDirectory(_ path: String) throws(FileError) {
        if Self.isRoot(path) || names[path]?.isDirectory ?? false { return }
        if names[path] != nil { throw FileError("create", path, .exists, text: "a file is in the way") }
        try createDirectory(Path.parent(path))
        let node = SimulatedNode(isDirectory: true)
        try change(.createDirectory, path) { disk in disk.name(.create(path, node)) }
    }

    /// Runs a change, or fails it, or cuts the power in it.
    mutating func change(
        _ operation: FileOperation, _ path: String, onFailure: (inout SimulatedDisk) -> Void = { _ in },
        _ body: (inout SimulatedDisk) -> Void
    ) throws(FileError) {
        changeCount += 1
        if changeCount == faults.crashAt {
            if Bool.random(using: &generator) { body(&self) }
            isDown = true
            throw Self.powerIsOff(operation.rawValue, path)
        }
        if let reason = faults.fail?(operation, path) ?? (faults.failAt.contains(changeCount) ? .io : nil) {
            onFailure(&self)
            throw FileError(operation.rawValue, path, reason, text: "made to fail")
        }
        body(&self)
    }

    mutating func name(_ change: NameChange) {
        used -= min(used, UInt64(Self.apply(change, to: &names)))
        pending.append(change)
    }

    /// Returns the bytes whose name went.
    @discardableResult
    private static func apply(_ change: NameChange, to names: inout [String: SimulatedNode]) -> Int {
        switch change {
        case .create(let path, let node):
            names[path] = node
            return 0
        case .remove(let path):
            return names.removeValue(forKey: path)?.size ?? 0
        case .rename(let source, let target, let node):
            if names[source] === node { names[source] = nil }
            return names.updateValue(node, forKey: target)?.size ?? 0
        }
    }

    mutating func syncNames(in directory: String) {
        var rest: [NameChange] = []
        var synced = durable
        for change in pending {
            if change.touches(directory) { Self.apply(change, to: &synced) } else { rest.append(change) }
        }
        durable = synced
        pending = rest
    }

    mutating func restart(keepingCache: Bool) {
        isDown = false
        incarnation += 1
        locks = []
        faults.crashAt = nil
        if keepingCache { return }
        var left = durable
        for change in pending where Bool.random(using: &generator) { Self.apply(change, to: &left) }
        pending = []
        // A name whose directory is gone is out of reach.
        var reachable = left
        for path in left.keys {
            var parent = Path.parent(path)
            while !Self.isRoot(parent) && left[parent] != nil { parent = Path.parent(parent) }
            if !Self.isRoot(parent) { reachable[path] = nil }
        }
        names = reachable
        durable = reachable
        used = 0
        // In the order of names, so that the seed alone decides.
        for (_, node) in reachable.sorted(by: { $0.key < $1.key }) {
            node.crash(using: &generator)
            used += UInt64(node.size)
        }
    }

    // MARK: Content

    mutating func write(_ bytes: [UInt8], at offset: Int, to node: SimulatedNode, _ path: String) throws(FileError) {
        let growth = UInt64(max(0, offset + bytes.count - node.size))
        let room = capacity > used ? capacity - used : 0
        if growth > room {
            // What fits is written, as write(2) does.
            let fits = max(0, bytes.count - Int(growth - room))
            try change(.write, path) { disk in disk.grow(node, by: bytes.prefix(fits), at: offset) }
            throw FileError("write", path, .full, text: "no space left on device")
        }
        let cut = Int.random(in: 0...bytes.count, using: &generator)
        try change(
            .write, path, onFailure: { disk in disk.grow(node, by: bytes.prefix(cut), at: offset) },
            { disk in disk.grow(node, by: bytes[...], at: offset) })
    }

    private mutating func grow(_ node: SimulatedNode, by bytes: ArraySlice<UInt8>, at offset: Int) {
        if bytes.isEmpty { return }
        let before = node.size
        node.write(Array(bytes), at: offset)
        node.modified = clock?.now() ?? 0
        used += UInt64(node.size - before)
    }

    mutating func truncate(_ node: SimulatedNode, to size: Int, _ path: String) throws(FileError) {
        try change(.truncate, path) { disk in
            disk.used -= min(disk.used, UInt64(node.size))
            node.truncate(to: size)
            disk.used += UInt64(node.size)
        }
    }

    mutating func sync(_ node: SimulatedNode, _ path: String) throws(FileError) {
        try change(
            .sync, path, onFailure: { disk in node.failSync(using: &disk.generator) }, { _ in node.sync() })
    }
}
