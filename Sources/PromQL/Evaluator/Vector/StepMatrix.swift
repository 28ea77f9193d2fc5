import Bedrock
import Kernels
import Model

/// An instant vector at every step: per series a label set and a column of floats, and now and then one of native histograms.
struct StepMatrix {
    /// One series' native histograms by step. A step has a float, a histogram or neither, never both.
    typealias HistogramColumn = [NativeHistogram?]

    var labels: [Labels]
    /// Whether the series' name is to be removed at the end (delayed name removal). As long as `labels`, or empty: no name is.
    var losesName: [Bool]
    var floats: FloatMatrix
    /// As long as `labels`, or empty: there are no histograms.
    var histograms: [HistogramColumn?]

    init(labels: [Labels], losesName: [Bool] = [], floats: FloatMatrix, histograms: [HistogramColumn?] = []) {
        precondition(floats.rows == labels.count, "\(labels.count) label sets for \(floats.rows) rows")
        self.labels = labels
        self.losesName = losesName
        self.floats = floats
        self.histograms = histograms.contains { $0 != nil } ? histograms : []
    }

    var count: Int { labels.count }
    var steps: Int { floats.steps }
    var hasHistograms: Bool { !histograms.isEmpty }

    func row(_ index: Int) -> UnsafeMutablePointer<Double> { floats.row(index) }
    func losesName(_ index: Int) -> Bool { losesName.isEmpty ? false : losesName[index] }
    func histogramColumn(_ index: Int) -> HistogramColumn? { histograms.isEmpty ? nil : histograms[index] }

    func histogram(_ index: Int, _ step: Int) -> NativeHistogram? {
        histograms.isEmpty ? nil : histograms[index]?[step]
    }

    /// Whether series `index` has a float or a histogram at `step`.
    func isPresent(_ index: Int, _ step: Int) -> Bool {
        !Absent.matches(row(index)[step]) || histogram(index, step) != nil
    }

    /// Forgets series without any value.
    mutating func dropEmptySeries() {
        var kept: [Int] = []
        kept.reserveCapacity(count)
        for index in 0..<count {
            let hasHistogram = histogramColumn(index)?.contains { $0 != nil } ?? false
            if hasHistogram || !floats.isRowAbsent(index) { kept.append(index) }
        }
        if kept.count != count { keep(kept) }
    }

    /// Keeps the series `kept`, ascending.
    mutating func keep(_ kept: [Int]) {
        floats.compact(kept)
        labels = kept.map { labels[$0] }
        if !losesName.isEmpty { losesName = kept.map { losesName[$0] } }
        if !histograms.isEmpty { histograms = kept.map { histograms[$0] } }
        if !histograms.contains(where: { $0 != nil }) { histograms = [] }
    }

    mutating func dropHistograms() {
        guard hasHistograms else { return }
        histograms = []
        dropEmptySeries()
    }
}

/// A scalar at every step.
enum ScalarColumn {
    case constant(Double)
    case varying([Double])

    func values(_ steps: Int) -> [Double] {
        switch self {
        case .constant(let value): [Double](repeating: value, count: steps)
        case .varying(let values): values
        }
    }

    subscript(step: Int) -> Double {
        switch self {
        case .constant(let value): value
        case .varying(let values): values[step]
        }
    }

    func map(_ body: (Double) -> Double) -> ScalarColumn {
        switch self {
        case .constant(let value): .constant(body(value))
        case .varying(let values): .varying(values.map(body))
        }
    }

    static func combine(_ a: ScalarColumn, _ b: ScalarColumn, _ body: (Double, Double) -> Double) -> ScalarColumn {
        switch (a, b) {
        case (.constant(let x), .constant(let y)): .constant(body(x, y))
        case (.varying(let x), _): .varying(x.indices.map { body(x[$0], b[$0]) })
        case (_, .varying(let y)): .varying(y.indices.map { body(a[$0], y[$0]) })
        }
    }
}
