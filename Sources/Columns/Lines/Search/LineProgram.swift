/// A sequence of character classes, each once, optional or repeated, run as a set of states in one word: linear, whatever the text.
///
/// A state is the number of the element that must come next. Exact for texts of ASCII; `isASCIIOnly` tells whether other texts need RE2.
struct LineProgram: Sendable {
    /// Elements at most; one bit more says that all have been matched.
    static let elementsMax = 63

    /// By byte: the elements it may stand for.
    private(set) var masks: [UInt64] = .init(repeating: 0, count: 256)
    private(set) var count = 0
    private(set) var optional: UInt64 = 0
    private(set) var repeated: UInt64 = 0
    var isAnchoredAtStart = false
    var isAnchoredAtEnd = false
    var isASCIIOnly = false
    /// Stands for the front of something longer: a match says nothing yet.
    var isPrefix = false

    init() {}

    /// Exactly these bytes; of many, the first.
    init(literal: [UInt8]) {
        for byte in literal.prefix(Self.elementsMax) { append([byte]) }
        isPrefix = literal.count > Self.elementsMax
    }

    /// Adds an element; false when there are too many.
    @discardableResult
    mutating func append(_ bytes: [UInt8], isOptional: Bool = false, isRepeated: Bool = false) -> Bool {
        guard count < Self.elementsMax else { return false }
        let bit: UInt64 = 1 << UInt64(count)
        for byte in bytes { masks[Int(byte)] |= bit }
        if isOptional { optional |= bit }
        if isRepeated { repeated |= bit }
        count += 1
        accepting = bit << 1
        initial = close(1)
        return true
    }

    /// The state in which all elements have been matched.
    private(set) var accepting: UInt64 = 1
    /// The states in which a match begins.
    private(set) var initial: UInt64 = 1

    /// Optional elements may be passed over.
    @inline(__always) func close(_ states: UInt64) -> UInt64 {
        guard optional != 0 else { return states }
        var all = states
        while true {
            let more = (all & optional) << 1 & ~all
            if more == 0 { return all }
            all |= more
        }
    }

    /// The states after a character which may stand for the elements of `mask`.
    @inline(__always) func step(_ states: UInt64, _ mask: UInt64) -> UInt64 {
        let matched = states & mask
        return close(matched << 1 | matched & repeated)
    }

    func matches(_ text: UnsafeRawBufferPointer) -> Bool {
        masks.withUnsafeBufferPointer { masks in
            var states = initial
            let start = isAnchoredAtStart ? 0 : states
            if states & accepting != 0, !isAnchoredAtEnd || !isAnchoredAtStart { return true }
            for byte in text {
                states = step(states, masks[Int(byte)])
                if states & accepting != 0, !isAnchoredAtEnd { return true }
                states |= start
                if states == 0 { return false }
            }
            return states & accepting != 0
        }
    }

    /// Whether a match begins at `start`, whatever comes before; `masks` are this program's.
    @inline(__always)
    func matches(_ text: UnsafeRawBufferPointer, at start: Int, _ masks: UnsafePointer<UInt64>) -> Bool {
        var states = initial
        var at = start
        while at < text.count {
            if states & accepting != 0, !isAnchoredAtEnd { return true }
            states = step(states, masks[Int(text[at])])
            if states == 0 { return false }
            at += 1
        }
        return states & accepting != 0
    }

    /// Adds the elements of `other`; false when there are too many. Anchors stay as they are.
    mutating func append(_ other: LineProgram) -> Bool {
        guard count + other.count <= Self.elementsMax else { return false }
        let shift = UInt64(count)
        for byte in 0..<256 { masks[byte] |= other.masks[byte] << shift }
        optional |= other.optional << shift
        repeated |= other.repeated << shift
        isASCIIOnly = isASCIIOnly || other.isASCIIOnly
        count += other.count
        accepting = 1 << UInt64(count)
        initial = close(1)
        return true
    }

    /// The single byte an element stands for, when it must come exactly once.
    private func single(_ element: Int) -> UInt8? {
        let bit: UInt64 = 1 << UInt64(element)
        guard (optional | repeated) & bit == 0 else { return nil }
        var found: UInt8?
        for byte in 0..<256 where masks[byte] & bit != 0 {
            if found != nil { return nil }
            found = UInt8(byte)
        }
        return found
    }

    /// The longest text of bytes that pass `isUsable` which every match contains.
    func requiredLiteral(_ isUsable: (UInt8) -> Bool = { _ in true }) -> [UInt8] {
        var best: [UInt8] = []
        var run: [UInt8] = []
        for element in 0..<count {
            if let byte = single(element), isUsable(byte) {
                run.append(byte)
                if run.count > best.count { best = run }
            } else {
                run = []
            }
        }
        return best
    }
}
