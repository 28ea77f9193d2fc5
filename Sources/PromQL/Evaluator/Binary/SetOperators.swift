import Kernels
import Model

extension Evaluator {
    /// `and`, `or`, `unless`: elements stay or go by whether the other side has one of the same matching labels at that step.
    func setOperation(
        _ op: BinaryOperator, _ lhs: StepMatrix, _ rhs: StepMatrix, _ matching: VectorMatching
    ) throws -> StepMatrix {
        let signatures = MatchSignatures(lhs.labels, rhs.labels, matching)
        switch op {
        case .and:
            return masked(lhs, signatures.left, presence(of: rhs, signatures.right, signatures.count), keeps: true)
        case .unless:
            return masked(lhs, signatures.left, presence(of: rhs, signatures.right, signatures.count), keeps: false)
        default:
            let others = masked(
                rhs, signatures.right, presence(of: lhs, signatures.left, signatures.count), keeps: false)
            var result = try concatenated(lhs, others)
            // The same series may come from both sides, at steps that exclude each other.
            try result.mergeEqualSeries(context)
            return result
        }
    }

    /// Per signature and step, whether any series is there.
    private func presence(of matrix: StepMatrix, _ numbers: [Int], _ count: Int) -> [[Bool]] {
        var result = [[Bool]](repeating: [], count: count)
        for index in 0..<matrix.count {
            let number = numbers[index]
            if result[number].isEmpty { result[number] = [Bool](repeating: false, count: grid.count) }
            for step in 0..<grid.count where matrix.isPresent(index, step) { result[number][step] = true }
        }
        return result
    }

    /// Keeps the elements whose signature is present on the other side, or those whose isn't.
    private func masked(_ matrix: StepMatrix, _ numbers: [Int], _ presence: [[Bool]], keeps: Bool) -> StepMatrix {
        var matrix = matrix
        for index in 0..<matrix.count {
            let present = presence[numbers[index]]
            for step in 0..<grid.count where (present.isEmpty ? false : present[step]) != keeps {
                matrix.remove(index, step)
            }
        }
        matrix.dropEmptySeries()
        return matrix
    }

    /// The series of `a`, then those of `b`.
    func concatenated(_ a: StepMatrix, _ b: StepMatrix) throws -> StepMatrix {
        if b.count == 0 { return a }
        if a.count == 0 { return b }
        let floats = try context.matrix(rows: a.count + b.count, steps: grid.count)
        floats.base.update(from: a.floats.base, count: a.count * grid.count)
        (floats.base + a.count * grid.count).update(from: b.floats.base, count: b.count * grid.count)
        let losesName =
            a.losesName.isEmpty && b.losesName.isEmpty
            ? [] : a.labels.indices.map { a.losesName($0) } + b.labels.indices.map { b.losesName($0) }
        let histograms =
            a.hasHistograms || b.hasHistograms
            ? a.labels.indices.map { a.histogramColumn($0) } + b.labels.indices.map { b.histogramColumn($0) } : []
        return StepMatrix(labels: a.labels + b.labels, losesName: losesName, floats: floats, histograms: histograms)
    }
}
