import Kernels
import Model
import Testing

@Suite struct GroupKernelsTests {
    /// Folds rows into one group, in one go or in two parts that are merged.
    func fold(
        _ operation: GroupAccumulator.Operation, _ rows: [[Double]], splitAt split: Int? = nil
    ) throws -> [Double?] {
        let steps = rows[0].count
        var first = try GroupAccumulator(operation, groups: 1, steps: steps, budget: .unlimited)
        for row in rows[..<(split ?? rows.count)] { first.add(row, to: 0) }
        if let split {
            var second = try GroupAccumulator(operation, groups: 1, steps: steps, budget: .unlimited)
            for row in rows[split...] { second.add(row, to: 0) }
            first.merge(second)
        }
        var out = [Double](repeating: 0, count: steps)
        out.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { first.result(of: 0, into: base) } }
        return out.map { Absent.matches($0) ? nil : $0 }
    }

    let absent = Absent.value

    @Test func absentStepsDoNotCount() throws {
        let rows = [[1, absent, absent], [2, 5, absent]]
        #expect(try fold(.sum, rows) == [3, 5, nil])
        #expect(try fold(.count, rows) == [2, 1, nil])
        #expect(try fold(.average, rows) == [1.5, 5, nil])
        #expect(try fold(.minimum, rows) == [1, 5, nil])
        #expect(try fold(.deviation, rows) == [0.5, 0, nil])
        #expect(try fold(.group, rows) == [1, 1, nil])
    }

    @Test func sumsAreCompensated() throws {
        #expect(try fold(.sum, [[1], [1e100], [1], [-1e100]]) == [2])
        #expect(try fold(.sum, [[1], [1e100], [1], [-1e100]], splitAt: 2) == [2])
        #expect(try fold(.sum, [[.infinity], [1]]) == [.infinity])
    }

    @Test func averagesSurviveOverflow() throws {
        let huge = Double.greatestFiniteMagnitude
        #expect(try fold(.average, [[huge], [huge], [huge]]).first??.isApproximately(huge) == true)
        #expect(try fold(.average, [[.infinity], [1], [2]]) == [.infinity])
        #expect(try fold(.average, [[.infinity], [-.infinity]]).first??.isNaN == true)
    }

    @Test func nanIsTheLastExtreme() throws {
        #expect(try fold(.maximum, [[.nan], [3], [.nan]]) == [3])
        #expect(try fold(.minimum, [[.nan], [.nan]]).first??.isNaN == true)
    }

    @Test func partsMergeToTheWhole() throws {
        var random = SplitMix(state: 2)
        let rows = (0..<40).map { _ in
            (0..<30).map { _ in random.next() % 4 == 0 ? absent : Double(random.next() % 1000) }
        }
        for operation in [GroupAccumulator.Operation.sum, .average, .minimum, .maximum, .count, .group] {
            for split in [0, 1, 20, 40] { #expect(try fold(operation, rows, splitAt: split) == fold(operation, rows)) }
        }
    }

    @Test func matricesChargeTheBudget() throws {
        let budget = QueryBudget(samplesMax: 100)
        do {
            let matrix = try FloatMatrix(rows: 9, steps: 10, budget: budget)
            #expect(budget.samplesUsed == 90)
            #expect(throws: QueryBudget.Exceeded.self) { try FloatMatrix(rows: 2, steps: 10, budget: budget) }
            for index in 0..<90 { matrix.base[index] = 0 }
            matrix.compact([1, 3])
            #expect(budget.samplesUsed == 20)
        }
        #expect(budget.samplesUsed == 0)
        #expect(throws: QueryBudget.Exceeded.self) { try FloatMatrix(rows: .max, steps: 2, budget: budget) }
    }
}
