import Bedrock
import Glibc
import Model

/// A byte a row: 1 or 0.
typealias RowMask = ContiguousArray<UInt8>

/// A column with its values taken out, so that reading them needs no checks of exclusive access.
struct ColumnValues {
    let column: SpanColumn
    let types: ContiguousArray<UInt8>
    let words: ContiguousArray<Int64>
    private let starts: ContiguousArray<Int32>?

    init(_ column: SpanColumn) {
        self.column = column
        types = column.types
        words = column.words
        starts = column.starts
    }

    /// The numbers of a row's values.
    @inline(__always) func range(_ row: Int) -> Range<Int> {
        if let starts { return Int(starts[row])..<Int(starts[row + 1]) }
        return row..<row + 1
    }

    /// Value `index` where it lies.
    @inline(__always) func operand(_ index: Int) -> FieldOperand {
        let type = SpanValueType(rawValue: types[index]) ?? .nil
        return FieldOperand(
            type: type, word: words[index], text: type == .string ? column.texts[Int(words[index])] : nil)
    }
}

/// Values of an expression for the rows of a block.
enum FieldVector {
    case constant(SpanValue)
    case column(ColumnValues)
    /// Computed: numbers, bools and nil, one a row.
    case computed(types: ContiguousArray<UInt8>, words: ContiguousArray<Int64>)

    static func of(_ column: SpanColumn) -> FieldVector { .column(ColumnValues(column)) }

    static func bools(_ mask: RowMask) -> FieldVector {
        .computed(
            types: ContiguousArray(repeating: SpanValueType.bool.rawValue, count: mask.count),
            words: ContiguousArray(mask.lazy.map { Int64($0) }))
    }

    /// Value of a row, without its text; nil where there isn't exactly one.
    @inline(__always) func single(_ row: Int) -> FieldArithmetic.Value {
        switch self {
        case .constant(let value): return (value.type, value.word ?? 0)
        case .column(let column):
            let range = column.range(row)
            guard range.count == 1 else { return FieldArithmetic.none }
            return (SpanValueType(rawValue: column.types[range.lowerBound]) ?? .nil, column.words[range.lowerBound])
        case .computed(let types, let words): return (SpanValueType(rawValue: types[row]) ?? .nil, words[row])
        }
    }

    /// The first value of a row, without its text.
    @inline(__always) func first(_ row: Int) -> FieldArithmetic.Value {
        guard case .column(let column) = self else { return single(row) }
        let range = column.range(row)
        guard !range.isEmpty else { return FieldArithmetic.none }
        return (SpanValueType(rawValue: column.types[range.lowerBound]) ?? .nil, column.words[range.lowerBound])
    }

    /// The first value of a row as something to group by: NaN, which equals nothing, is a missing value, and there is one zero.
    @inline(__always) func key(_ row: Int) -> FieldArithmetic.Value {
        let value = first(row)
        guard value.type == .float else { return value }
        let number = FieldArithmetic.double(value)
        return number.isNaN ? FieldArithmetic.none : number == 0 ? FieldArithmetic.float(0) : value
    }

    /// The first value of a row as a copy; for cold paths.
    func value(_ row: Int) -> SpanValue {
        switch self {
        case .constant(let value): return value
        case .column(let column):
            let range = column.range(row)
            return range.isEmpty ? .nil : column.column.value(range.lowerBound)
        case .computed: return SpanValue(single(row))
        }
    }
}

/// One value with its text, where it lies.
struct FieldOperand {
    var type: SpanValueType
    var word: Int64
    var text: UnsafeRawBufferPointer?

    /// Whether it compares so with `other`: numbers with numbers, others with their own type; only texts and numbers have an order.
    func compares(_ op: SpanCondition.Comparison, _ other: FieldOperand) -> Bool {
        if FieldArithmetic.isNumeric(type), FieldArithmetic.isNumeric(other.type) {
            return FieldArithmetic.holds(op, (type, word), (other.type, other.word))
        }
        guard type == other.type, type != .nil else { return false }
        if let a = text, let b = other.text { return op.holds(orderOfBytes(a, b)) }
        switch op {
        case .equal: return word == other.word
        case .notEqual: return word != other.word
        default: return false
        }
    }
}

/// Negative, 0 or positive, as memcmp and then the shorter first.
func orderOfBytes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    guard let x = a.baseAddress, let y = b.baseAddress else { return a.count - b.count }
    let order = Int(memcmp(x, y, min(a.count, b.count)))
    return order != 0 ? order : a.count - b.count
}
