import Bedrock

/// The checkpoints of one memtable as recovery finds them: a chain of frames, each beginning where the last one ends.
struct HeadReader {
    /// In order, without gaps; their bytes live as long as `owners`.
    private(set) var frames: [HeadFrame] = []
    /// Of each frame: the mapping that keeps it alive.
    private(set) var owners: [MappedFile] = []
    private(set) var paths: [String] = []
    private(set) var nextPart = 0
    /// The last record of a frame that can't be used, as one before it is missing.
    private(set) var lostThrough: UInt64?
    let firstOffset: UInt64

    /// Records up to this one are in the frames.
    var through: UInt64 { frames.last?.through ?? (firstOffset - 1) }

    /// - Parameter files: the parts of one memtable, in order.
    init(_ files: [HeadFile], firstOffset: UInt64, fileSystem: any FileSystem) throws {
        self.firstOffset = firstOffset
        for file in files {
            paths.append(file.path)
            nextPart = file.part + 1
            let mapped = try fileSystem.open(file.path, .read).map()
            if case .newer(let version) = HeadFileHeader.read(mapped.bytes) {
                throw EngineError.newerVersion(what: file.path, found: version, known: Int(HeadFileHeader.version))
            }
            read(mapped)
        }
        keepChain()
    }

    /// Keeps the first `count` frames.
    mutating func truncate(to count: Int) {
        if count < frames.count { lostThrough = frames.last?.through }
        frames.removeLast(frames.count - count)
        owners.removeLast(owners.count - count)
    }

    private mutating func read(_ mapped: MappedFile) {
        var position = HeadFileHeader.byteCount
        var isFirst = true
        while position + HeadFrame.headerBytes <= mapped.bytes.count {
            guard let frame = HeadFrame.read(mapped.bytes, at: position) else {
                position += HeadFrame.alignment
                continue
            }
            if isFirst { overrule(from: frame.after) }
            isFirst = false
            frames.append(frame)
            owners.append(mapped)
            position += frame.bytes.count
        }
    }

    /// A part begins because its predecessor's frames from there on were not safely written.
    private mutating func overrule(from after: UInt64) {
        while let last = frames.last, last.through > after {
            frames.removeLast()
            owners.removeLast()
        }
    }

    /// What lies behind a gap is of no use: memtable blocks build on each other.
    private mutating func keepChain() {
        var end = firstOffset - 1
        for (index, frame) in frames.enumerated() {
            if frame.after != end {
                truncate(to: index)
                return
            }
            end = frame.through
        }
    }
}
