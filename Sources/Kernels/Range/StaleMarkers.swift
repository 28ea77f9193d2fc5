import Model

/// Removes stale markers from a series' rows in place, keeping order, and returns how many rows stay. Range functions never see them.
public func dropStaleMarkers(
    _ times: UnsafeMutablePointer<Int64>, _ values: UnsafeMutablePointer<Double>, count: Int
) -> Int {
    var kept = 0
    while kept < count && !StaleMarker.matches(values[kept]) { kept += 1 }
    var index = kept
    while index < count {
        if !StaleMarker.matches(values[index]) {
            times[kept] = times[index]
            values[kept] = values[index]
            kept += 1
        }
        index += 1
    }
    return kept
}
