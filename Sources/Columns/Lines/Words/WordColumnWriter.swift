import Bedrock
import Model

/// Writes the words of a block: a column of texts for each word slot of each entry, in the order of entries and slots.
///
/// ```
/// ┌──────────────────────────┬───────────────────────────────────────────────────────────────────────────┐
/// │ TextArena of the texts   │ per column: form u8                                                       │
/// │ that columns of form 0   │ 0 texts: as many as rows · 1 dictionary: texts varint, SymbolCode         │
/// │ and 1 have, in turn      │ 2 hex: digits u8, half as many bytes a row · 3 decimals: IntegerColumn    │
/// │                          │ 4 split: separator u8, parts varint, a column for each part               │
/// └──────────────────────────┴───────────────────────────────────────────────────────────────────────────┘
/// ```
/// A split column is of words that all have the same number of a separator (`-` in UUIDs and pod names, `/` in paths, `.`): its parts are texts
/// of their own. Which form a column gets is judged by `WordPlan`. Not thread-safe.
struct WordColumnWriter: ~Copyable {
    /// Distinct words of each column, for a filter over them.
    let distinct = LineArena(capacity: 256)
    private let texts = LineArena(capacity: 256)
    private var column = TextList()
    private var columns = ByteBuffer()
    private let planner = WordPlanner()
    private let scratch = ColumnScratch()

    init() {}

    var memoryBytes: Int {
        distinct.bytes.allocatedBytes + texts.bytes.allocatedBytes + columns.allocatedBytes + column.memoryBytes
            + planner.memoryBytes
    }

    mutating func clear() {
        distinct.clear()
        texts.clear()
        column.clear()
        columns.clear()
    }

    /// Adds the next row's word to the column that is being gathered.
    mutating func append(_ word: UnsafeRawBufferPointer) { column.append(word) }

    /// Ends the column.
    mutating func endColumn() {
        let view = column.view
        let plan = planner.plan(view, depth: 0)
        distinct.append(plan.firsts, of: view)
        write(plan, view)
        column.clear()
        planner.reset()
    }

    private mutating func write(_ plan: WordPlan, _ column: TextView) {
        columns.append(plan.form.rawValue)
        switch plan.form {
        case .texts: texts.append(all: column)
        case .dictionary:
            columns.append(varint: plan.firsts.count)
            texts.append(plan.firsts, of: column)
            plan.indexes.withUnsafeBufferPointer { indexes in
                plan.counts.withUnsafeBufferPointer { counts in
                    guard let base = indexes.baseAddress else { return }
                    SymbolCode.encode(base, count: indexes.count, counts: counts, scratch: scratch, into: &columns)
                }
            }
        case .hex:
            columns.append(UInt8(truncatingIfNeeded: column[0].count))
            let bytes = column.bytes
            for i in stride(from: 0, to: bytes.count, by: 2) {
                columns.append((HexText.value(bytes[i]) ?? 0) << 4 | (HexText.value(bytes[i + 1]) ?? 0))
            }
        case .decimals:
            scratch.reserve(column.count)
            for i in 0..<column.count { scratch.integers[i] = WordPlanner.decimal(column[i]) ?? 0 }
            IntegerColumn.encode(scratch.integers, count: column.count, scratch: scratch, into: &columns)
        case .split:
            columns.append(plan.separator)
            columns.append(varint: plan.parts.count)
            for i in plan.parts.indices { write(plan.parts[i], TextView(plan.partTexts[i])) }
        }
    }

    /// Appends what was gathered.
    mutating func finish(into target: inout ByteBuffer) {
        TextArena.encode(texts, level: 6, scratch: scratch, into: &target)
        target.append(columns.bytes)
    }
}
