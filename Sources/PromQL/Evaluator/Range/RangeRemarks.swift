import Kernels
import Model

/// Remarks on one series of a range vector.
struct RangeRemarks {
    private let context: QueryContext
    private let labels: Labels
    private let source: SourceRange

    init(_ context: QueryContext, _ labels: Labels, _ source: SourceRange) {
        self.context = context
        self.labels = labels
        self.source = source
    }

    private var name: String { quoted(labels[Labels.metricName] ?? "") }

    func mixesFloatsAndHistograms() {
        context.annotations.warn("encountered a mix of histograms and floats for metric name \(name)", source)
    }

    func mixesSchemas() {
        context.annotations.warn(
            "vector contains a mix of histograms with exponential and custom buckets schemas for metric name \(name)",
            source)
    }

    func isNoCounter() {
        context.annotations.warn("this native histogram metric is not a counter: \(name)", source)
    }

    func isNoGauge() {
        context.annotations.warn("this native histogram metric is not a gauge: \(name)", source)
    }

    func ignoresHistograms() {
        context.annotations.inform(
            "ignored histograms in a range containing both floats and histograms for metric name \(name)", source)
    }

    func overlapsInStart() {
        context.annotations.warn(
            "sample has start time that overlaps with previous sample timestamp for metric \(name)", source)
    }

    /// What adding histograms up brought to light.
    func note(_ sum: HistogramSum) { context.annotations.note(sum, source) }

    /// What combining two histograms brought to light.
    func note(_ combination: HistogramCombination, _ operation: HistogramOperation, remarksConflicts: Bool = false) {
        context.annotations.note(combination, operation, source, remarksConflicts: remarksConflicts)
    }
}

/// What a remark on combined histograms calls the operation.
enum HistogramOperation: String {
    case addition, subtraction
}

extension AnnotationLog {
    func note(_ sum: HistogramSum, _ source: SourceRange) {
        if sum.changedBounds {
            inform("mismatched custom buckets were reconciled during aggregation", source)
        }
        if sum.conflictsInResets { warn("conflicting counter resets during histogram aggregation", source) }
    }

    func note(
        _ combination: HistogramCombination, _ operation: HistogramOperation, _ source: SourceRange,
        remarksConflicts: Bool = true
    ) {
        if combination.changedBounds {
            inform("mismatched custom buckets were reconciled during \(operation.rawValue)", source)
        }
        if combination.conflictsInResets && remarksConflicts {
            warn("conflicting counter resets during histogram \(operation.rawValue)", source)
        }
    }
}
