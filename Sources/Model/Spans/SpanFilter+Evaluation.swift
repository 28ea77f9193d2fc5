import Bedrock

extension SpanFilter {
    /// The fields that its conditions look at.
    public var fields: Set<SpanField> {
        switch self {
        case .everything, .nothing: []
        case .condition(let condition): [condition.field]
        case .all(let parts), .any(let parts): parts.reduce(into: []) { $0.formUnion($1.fields) }
        case .not(let part): part.fields
        }
    }

    /// Applies the filter to `rowCount` rows: 1 for each that passes, else 0.
    ///
    /// What every source and test double judges by, so that all mean the same. Conditions on texts are judged once for each text of a column.
    /// - Parameter column: the values of a field for all rows; not asked for where the answer is known without.
    public func evaluate(
        rowCount: Int, column: (SpanField) throws -> SpanColumn
    ) throws -> ContiguousArray<UInt8> {
        switch self {
        case .everything: return ContiguousArray(repeating: 1, count: rowCount)
        case .nothing: return ContiguousArray(repeating: 0, count: rowCount)
        case .condition(let condition):
            return SpanConditionTest(condition).apply(try column(condition.field))
        case .not(let part):
            var rows = try part.evaluate(rowCount: rowCount, column: column)
            for row in rows.indices { rows[row] ^= 1 }
            return rows
        case .all(let parts):
            var rows = ContiguousArray<UInt8>(repeating: 1, count: rowCount)
            for part in parts {
                let own = try part.evaluate(rowCount: rowCount, column: column)
                var any: UInt8 = 0
                for row in rows.indices {
                    rows[row] &= own[row]
                    any |= rows[row]
                }
                if any == 0 { break }
            }
            return rows
        case .any(let parts):
            var rows = ContiguousArray<UInt8>(repeating: 0, count: rowCount)
            for part in parts {
                let own = try part.evaluate(rowCount: rowCount, column: column)
                var all: UInt8 = 1
                for row in rows.indices {
                    rows[row] |= own[row]
                    all &= rows[row]
                }
                if all == 1 { break }
            }
            return rows
        }
    }
}

/// A condition, ready to be applied to values.
public struct SpanConditionTest {
    private let test: SpanCondition.Test
    /// Whether a field with several values passes only when all of them do.
    private let needsAll: Bool
    /// UTF-8 of the text compared with.
    private let text: [UInt8]

    public init(_ condition: SpanCondition) {
        test = condition.test
        switch condition.test {
        case .compare(.notEqual, _), .matches(_, isNegated: true): needsAll = true
        default: needsAll = false
        }
        if case .compare(_, .string(let value)) = condition.test { text = Array(value.utf8) } else { text = [] }
    }

    /// 1 for each row whose values pass, else 0.
    public func apply(_ column: SpanColumn) -> ContiguousArray<UInt8> {
        let verdicts = judge(column)
        guard let starts = column.starts else { return verdicts }
        var rows = ContiguousArray<UInt8>(repeating: 0, count: column.rowCount)
        for row in rows.indices {
            let values = Int(starts[row])..<Int(starts[row + 1])
            switch test {
            case .isNil: rows[row] = values.allSatisfy { verdicts[$0] == 1 } ? 1 : 0
            case _ where needsAll:
                rows[row] = !values.isEmpty && values.allSatisfy { verdicts[$0] == 1 } ? 1 : 0
            default: rows[row] = values.contains { verdicts[$0] == 1 } ? 1 : 0
            }
        }
        return rows
    }

    /// Whether a value alone passes.
    public func passes(_ value: SpanValue) -> Bool {
        switch value {
        case .nil: passes(.nil, 0)
        case .bool(let flag): passes(.bool, flag ? 1 : 0)
        case .int(let number): passes(.int, number)
        case .float(let number): passes(.float, Int64(bitPattern: number.bitPattern))
        case .duration(let number): passes(.duration, number)
        case .status(let code): passes(.status, Int64(code.rawValue))
        case .kind(let code): passes(.kind, Int64(code.rawValue))
        case .string(let value):
            Array(value.utf8).withUnsafeBytes { passes(text: $0) }
        }
    }

    /// Whether a text passes.
    public func passes(text value: UnsafeRawBufferPointer) -> Bool {
        switch test {
        case .isNil, .isTrue: return false
        case .isNotNil: return true
        case .matches(let regex, let isNegated): return regex.matches(value) != isNegated
        case .compare(let comparison, .string):
            return text.withUnsafeBytes { Self.compare(comparison, Self.order(value, $0)) }
        case .compare: return false
        }
    }

    /// For each value of a column whether it passes.
    private func judge(_ column: SpanColumn) -> ContiguousArray<UInt8> {
        // 0 not asked yet, 1 no, 2 yes.
        var texts = ContiguousArray<UInt8>(repeating: 0, count: column.texts.count)
        var verdicts = ContiguousArray<UInt8>(repeating: 0, count: column.words.count)
        column.words.withUnsafeBufferPointer { words in
            column.types.withUnsafeBufferPointer { types in
                if column.uniformType == .duration || column.uniformType == .int {
                    return judgeIntegers(column.uniformType ?? .int, words, into: &verdicts)
                }
                for at in 0..<words.count {
                    let type = SpanValueType(rawValue: types[at]) ?? .nil
                    if type == .string {
                        let number = Int(words[at])
                        if texts[number] == 0 { texts[number] = passes(text: column.texts[number]) ? 2 : 1 }
                        verdicts[at] = texts[number] &- 1
                    } else if passes(type, words[at]) {
                        verdicts[at] = 1
                    }
                }
            }
        }
        return verdicts
    }

    private func judgeIntegers(
        _ type: SpanValueType, _ words: UnsafeBufferPointer<Int64>, into verdicts: inout ContiguousArray<UInt8>
    ) {
        let limit: Int64
        switch test {
        case .compare(_, .int(let other)), .compare(_, .duration(let other)): limit = other
        default:
            for at in 0..<words.count where passes(type, words[at]) { verdicts[at] = 1 }
            return
        }
        guard case .compare(let comparison, _) = test else { return }
        switch comparison {
        case .equal: for at in 0..<words.count { verdicts[at] = words[at] == limit ? 1 : 0 }
        case .notEqual: for at in 0..<words.count { verdicts[at] = words[at] != limit ? 1 : 0 }
        case .less: for at in 0..<words.count { verdicts[at] = words[at] < limit ? 1 : 0 }
        case .lessOrEqual: for at in 0..<words.count { verdicts[at] = words[at] <= limit ? 1 : 0 }
        case .greater: for at in 0..<words.count { verdicts[at] = words[at] > limit ? 1 : 0 }
        case .greaterOrEqual: for at in 0..<words.count { verdicts[at] = words[at] >= limit ? 1 : 0 }
        }
    }

    /// Whether a value that is no text passes.
    private func passes(_ type: SpanValueType, _ word: Int64) -> Bool {
        switch test {
        case .isNil: return type == .nil
        case .isNotNil: return type != .nil
        case .isTrue: return type == .bool && word != 0
        case .matches: return false
        case .compare(let comparison, let other):
            switch (type, other) {
            case (.int, .int(let b)), (.int, .duration(let b)), (.duration, .int(let b)), (.duration, .duration(let b)):
                return Self.compare(comparison, word < b ? -1 : word > b ? 1 : 0)
            case (.int, .float(let b)), (.duration, .float(let b)):
                return Self.compare(comparison, Self.order(word, b))
            case (.float, .int(let b)), (.float, .duration(let b)):
                let order = Self.order(b, Double(bitPattern: UInt64(bitPattern: word)))
                return Self.compare(comparison, order.map { -$0 })
            case (.float, .float(let b)):
                let a = Double(bitPattern: UInt64(bitPattern: word))
                return Self.compare(comparison, a < b ? -1 : a > b ? 1 : a == b ? 0 : nil)
            case (.bool, .bool(let b)): return Self.compare(comparison, Int(word) - (b ? 1 : 0))
            case (.status, .status(let b)): return Self.compare(comparison, Int(word) - Int(b.rawValue))
            case (.kind, .kind(let b)): return Self.compare(comparison, Int(word) - Int(b.rawValue))
            case (.nil, _): return false
            default: return false
            }
        }
    }

    /// - Parameter order: negative, zero or positive; nil for what has no order, as NaN: unequal to everything.
    private static func compare(_ comparison: SpanCondition.Comparison, _ order: Int?) -> Bool {
        guard let order else { return comparison == .notEqual }
        return switch comparison {
        case .equal: order == 0
        case .notEqual: order != 0
        case .less: order < 0
        case .lessOrEqual: order <= 0
        case .greater: order > 0
        case .greaterOrEqual: order >= 0
        }
    }

    /// Exact, also for numbers that a double can't hold.
    private static func order(_ a: Int64, _ b: Double) -> Int? {
        if b.isNaN { return nil }
        if b >= 0x1p63 { return -1 }
        if b < -0x1p63 { return 1 }
        let whole = Int64(b.rounded(.towardZero))
        if a != whole { return a < whole ? -1 : 1 }
        let rest = b - b.rounded(.towardZero)
        return rest > 0 ? -1 : rest < 0 ? 1 : 0
    }

    private static func order(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
        let shared = min(a.count, b.count)
        for at in 0..<shared where a[at] != b[at] { return a[at] < b[at] ? -1 : 1 }
        return a.count - b.count
    }
}
