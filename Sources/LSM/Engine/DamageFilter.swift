/// Passes each damage on once: that of one block shows with every series in it. Not thread-safe.
package final class DamageFilter {
    private struct Place: Hashable {
        var object: String
        var offset: Int
        var reason: String
    }

    private var seen: Set<Place> = []
    private let next: (SegmentDamage) -> Void

    package init(_ next: @escaping (SegmentDamage) -> Void) { self.next = next }

    package func report(_ damage: SegmentDamage) {
        let place = Place(object: damage.object, offset: damage.offset, reason: damage.reason)
        if seen.insert(place).inserted { next(damage) }
    }
}
