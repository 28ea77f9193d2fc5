import Model

/// A batch as lines `name{labels} value`, sorted; stale markers as `stale`.
func lines(_ batch: MetricBatch) -> [String] {
    var result: [String] = []
    for (index, entry) in batch.entries.enumerated() {
        let labels = batch.labels(index).description
        for row in entry.firstRow..<entry.firstRow + entry.rowCount {
            let value = batch.values[row]
            result.append(labels + " " + (StaleMarker.matches(value) ? "stale" : number(value)))
        }
    }
    return result.sorted()
}

func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
}
