import Model

/// Numbers tuples of values, one value a dimension, as they come. One thread's.
struct GroupTable {
    let dimensions: Int
    private var values: [[SpanValue]]
    private var numbers: [[SpanValue: Int32]]
    /// Of each dimension but the first: numbers of pairs of the tuple before it and its own value.
    private var pairs: [[UInt64: Int32]]
    private var parents: [[(prefix: Int32, value: Int32)]]

    init(dimensions: Int) {
        self.dimensions = dimensions
        values = Array(repeating: [], count: dimensions)
        numbers = Array(repeating: [:], count: dimensions)
        pairs = Array(repeating: [:], count: dimensions)
        parents = Array(repeating: [], count: dimensions)
    }

    /// Tuples so far; without dimensions there is one.
    var count: Int {
        switch dimensions {
        case 0: 1
        case 1: values[0].count
        default: parents[dimensions - 1].count
        }
    }

    /// The number of a value in its dimension.
    mutating func number(of value: SpanValue, _ dimension: Int) -> Int32 {
        if let known = numbers[dimension][value] { return known }
        let number = Int32(values[dimension].count)
        values[dimension].append(value)
        numbers[dimension][value] = number
        return number
    }

    /// The number of the tuple that has `value` behind tuple `prefix` of the dimensions before.
    @inline(__always) mutating func extend(_ prefix: Int32, _ value: Int32, _ dimension: Int) -> Int32 {
        let key = UInt64(UInt32(bitPattern: prefix)) << 32 | UInt64(UInt32(bitPattern: value))
        if let known = pairs[dimension][key] { return known }
        let number = Int32(parents[dimension].count)
        parents[dimension].append((prefix, value))
        pairs[dimension][key] = number
        return number
    }

    /// The number of a tuple; for cold paths.
    mutating func number(of tuple: [SpanValue]) -> Int {
        var number: Int32 = 0
        for dimension in 0..<dimensions {
            let value = self.number(of: tuple[dimension], dimension)
            number = dimension == 0 ? value : extend(number, value, dimension)
        }
        return Int(number)
    }

    /// The values of a tuple.
    func tuple(_ number: Int) -> [SpanValue] {
        if dimensions == 0 { return [] }
        var found: [SpanValue] = []
        var prefix = Int32(number)
        for dimension in (1..<dimensions).reversed() {
            let pair = parents[dimension][Int(prefix)]
            found.append(values[dimension][Int(pair.value)])
            prefix = pair.prefix
        }
        found.append(values[0][Int(prefix)])
        return found.reversed()
    }
}

/// Reads one dimension off the rows of a block: of several values of a row the first. One thread's.
struct DimensionReader {
    private let values: ColumnValues
    private let dimension: Int
    private var ofText: ContiguousArray<Int32>
    private var last: (type: UInt8, word: Int64, number: Int32) = (0, 0, -1)

    init(_ column: SpanColumn, _ dimension: Int) {
        values = ColumnValues(column)
        self.dimension = dimension
        ofText = ContiguousArray(repeating: -1, count: column.texts.count)
    }

    /// The number of the row's value in the table's dimension.
    @inline(__always) mutating func number(_ row: Int, _ table: inout GroupTable) -> Int32 {
        let range = values.range(row)
        let type = range.isEmpty ? SpanValueType.nil.rawValue : values.types[range.lowerBound]
        let word = range.isEmpty ? 0 : values.words[range.lowerBound]
        if type == SpanValueType.string.rawValue {
            let known = ofText[Int(word)]
            if known >= 0 { return known }
            let number = table.number(of: values.column.value(range.lowerBound), dimension)
            ofText[Int(word)] = number
            return number
        }
        if last.number >= 0, last.type == type, last.word == word { return last.number }
        var value: SpanValue = range.isEmpty ? .nil : values.column.value(range.lowerBound)
        // What equals nothing would be a series for every span.
        if case .float(let number) = value, number.isNaN { value = .nil }
        let number = table.number(of: value, dimension)
        last = (type, word, number)
        return number
    }
}
