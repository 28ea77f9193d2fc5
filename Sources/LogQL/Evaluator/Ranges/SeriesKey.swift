import Kernels
import Model

/// Which of a row's labels name its series.
enum SeriesKey: Sendable {
    case all
    case by([String])
    case without([String])

    init(_ grouping: MetricGrouping?) {
        switch grouping {
        case nil: self = .all
        case .some(let grouping) where grouping.without: self = .without(grouping.labels)
        case .some(let grouping): self = .by(grouping.labels)
        }
    }

    /// The labels that a pipeline has to find; nil: any.
    var wanted: Set<String>? {
        if case .by(let names) = self { return Set(names) }
        return nil
    }

    var projection: LabelProjection {
        switch self {
        case .all: LabelProjection(.removing, [])
        case .by(let names): LabelProjection(.keeping, names)
        case .without(let names): LabelProjection(.removing, names)
        }
    }

    /// Whether a stream's own labels name the series of all its rows, whatever metadata they have.
    func isDecided(by stream: Labels) -> Bool {
        guard case .by(let names) = self else { return false }
        return names.allSatisfy { stream[$0] != nil }
    }
}
