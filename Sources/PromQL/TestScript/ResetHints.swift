import Kernels
import Model

/// What Prometheus' storage says of counter resets when it gives back the histograms of a series: it keeps them in chunks, in which there
/// are no resets and all histograms have one layout, so it knows of the first one of a chunk nothing and of the others that they
/// aren't resets.
enum ResetHints {
    /// The points as the storage would return them; ascending in time.
    static func asStored(_ points: [MemorySeriesSource.Point]) -> [MemorySeriesSource.Point] {
        var previous: NativeHistogram?
        return points.map { point in
            guard let histogram = point.histogram else {
                previous = nil
                return point
            }
            let continuesChunk = previous.map { continues(histogram, $0) } ?? false
            previous = histogram
            if histogram.resetHint == .gauge { return point }
            var stored = point
            stored.histogram?.resetHint = continuesChunk ? .notReset : .unknown
            return stored
        }
    }

    private static func continues(_ histogram: NativeHistogram, _ previous: NativeHistogram) -> Bool {
        guard previous.resetHint != .gauge, histogram.resetHint != .reset else { return false }
        guard histogram.schema == previous.schema, histogram.zeroThreshold == previous.zeroThreshold,
            histogram.customValues == previous.customValues
        else { return false }
        var unmarked = histogram
        unmarked.resetHint = .unknown
        return !unmarked.isReset(after: previous)
    }
}
