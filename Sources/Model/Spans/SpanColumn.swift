import Bedrock

/// One field of the rows of a block: a type and a word for each value, texts as numbers of a list that the column has once.
///
/// Most columns have one value a row; fields of events and links and arrays have any number, and then `starts` tells which.
/// Filled by one thread, then only read.
public final class SpanColumn: @unchecked Sendable {
    public let rowCount: Int
    /// Everything that grows, behind a pointer of its own; see `MetricBatch`.
    @usableFromInline struct State: ~Copyable {
        @usableFromInline var types: ContiguousArray<UInt8> = []
        @usableFromInline var words: ContiguousArray<Int64> = []
        @usableFromInline var starts: ContiguousArray<Int32>?
        @usableFromInline var uniformType: SpanValueType?
        var textNumbers: [String: Int64] = [:]
    }

    @usableFromInline let state: UnsafeMutablePointer<State>
    /// Different texts, in no order.
    public let texts = LineArena(capacity: 1024)

    /// The types of the values.
    @inlinable public var types: ContiguousArray<UInt8> { _read { yield state.pointee.types } }
    /// The values: 0 or 1 of a bool, an int, a float's bits, nanoseconds, a number of `texts`, a status' or kind's code.
    @inlinable public var words: ContiguousArray<Int64> { _read { yield state.pointee.words } }
    /// Values of row `i` are `starts[i] ..< starts[i + 1]`; nil: row `i` has value `i`.
    @inlinable public var starts: ContiguousArray<Int32>? { _read { yield state.pointee.starts } }
    /// The type that all values have; nil where they differ.
    @inlinable public var uniformType: SpanValueType? { state.pointee.uniformType }

    public init(rowCount: Int) {
        self.rowCount = rowCount
        state = .allocate(capacity: 1)
        state.initialize(to: State())
        state.pointee.types.reserveCapacity(rowCount)
        state.pointee.words.reserveCapacity(rowCount)
    }

    deinit {
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// Adds the value of the next row (or the next value of the current row, between `beginRow`s).
    @inlinable public func append(_ type: SpanValueType, _ word: Int64) {
        note(type)
        state.pointee.types.append(type.rawValue)
        state.pointee.words.append(word)
    }

    @inlinable func note(_ type: SpanValueType) {
        if state.pointee.types.isEmpty {
            state.pointee.uniformType = type
        } else if state.pointee.uniformType != type {
            state.pointee.uniformType = nil
        }
    }

    /// Adds `count` values of one type that `fill` writes; for bulk decoding.
    public func append(
        _ type: SpanValueType, count: Int, _ fill: (UnsafeMutableBufferPointer<Int64>) throws -> Void
    ) rethrows {
        guard count > 0 else { return }
        note(type)
        state.pointee.types.append(contentsOf: repeatElement(type.rawValue, count: count))
        let from = state.pointee.words.count
        state.pointee.words.append(contentsOf: repeatElement(0, count: count))
        try state.pointee.words.withUnsafeMutableBufferPointer {
            try fill(UnsafeMutableBufferPointer(rebasing: $0[from...]))
        }
    }

    /// Adds a text to `texts` without looking whether it is there; gives its number.
    public func appendText(_ text: UnsafeRawBufferPointer) -> Int64 {
        texts.append(text)
        return Int64(texts.count - 1)
    }

    /// The number of a text in `texts`, added if it isn't there; for cold paths.
    public func textNumber(_ text: String) -> Int64 {
        if let known = state.pointee.textNumbers[text] { return known }
        var copy = text
        let number = copy.withUTF8 { appendText(UnsafeRawBufferPointer($0)) }
        state.pointee.textNumbers[text] = number
        return number
    }

    /// Adds a value; for cold paths.
    public func append(_ value: SpanValue) {
        switch value {
        case .nil: append(.nil, 0)
        case .bool(let flag): append(.bool, flag ? 1 : 0)
        case .int(let number): append(.int, number)
        case .float(let number): append(.float, Int64(bitPattern: number.bitPattern))
        case .duration(let number): append(.duration, number)
        case .string(let text): append(.string, textNumber(text))
        case .status(let code): append(.status, Int64(code.rawValue))
        case .kind(let code): append(.kind, Int64(code.rawValue))
        }
    }

    /// Begins a row that may have any number of values. Once used, it is called for every row.
    public func beginRow() {
        if state.pointee.starts == nil { state.pointee.starts = [] }
        state.pointee.starts?.append(Int32(state.pointee.words.count))
    }

    /// Ends the last of the rows begun with `beginRow`.
    public func endRows() { state.pointee.starts?.append(Int32(state.pointee.words.count)) }

    /// The numbers of row `row`'s values.
    @inlinable public func values(ofRow row: Int) -> Range<Int> {
        if let starts { return Int(starts[row])..<Int(starts[row + 1]) }
        return row..<row + 1
    }

    /// Value `index`, copied; for cold paths.
    public func value(_ index: Int) -> SpanValue {
        let word = words[index]
        switch SpanValueType(rawValue: types[index]) ?? .nil {
        case .nil: return .nil
        case .bool: return .bool(word != 0)
        case .int: return .int(word)
        case .float: return .float(Double(bitPattern: UInt64(bitPattern: word)))
        case .duration: return .duration(word)
        case .string: return .string(String(decoding: texts[Int(word)], as: UTF8.self))
        case .status: return .status(SpanStatus(rawValue: UInt8(truncatingIfNeeded: word)) ?? .unset)
        case .kind: return .kind(SpanKind(rawValue: UInt8(truncatingIfNeeded: word)) ?? .unspecified)
        }
    }
}
