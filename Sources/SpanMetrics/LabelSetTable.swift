import Bedrock
import Model

/// Label sets by number, found by the hash of what they are made of, with when each was last seen. Numbers of those that went are used again.
struct LabelSetTable {
    private(set) var labels: ContiguousArray<Labels?> = []
    /// Milliseconds since the Unix epoch.
    private(set) var lastSeen: ContiguousArray<Int64> = []
    /// Whether the series have been written once.
    var isWritten: ContiguousArray<Bool> = []
    private var hashes: ContiguousArray<Hash128> = []
    private var numbers: [Hash128: Int] = [:]
    private var free: [Int] = []
    let limit: Int

    init(limit: Int) { self.limit = limit }

    var count: Int { numbers.count }

    /// The number of the set behind `hash`, noted as seen; a new one's labels come from `make`. Nil when there are too many.
    mutating func number(
        _ hash: Hash128, now: Int64, isNew: inout Bool, make: () -> Labels
    ) -> Int? {
        isNew = false
        if let known = numbers[hash] {
            lastSeen[known] = now
            return known
        }
        guard numbers.count < limit else { return nil }
        isNew = true
        let number: Int
        if let reused = free.popLast() {
            number = reused
            labels[number] = make()
            hashes[number] = hash
            lastSeen[number] = now
            isWritten[number] = false
        } else {
            number = labels.count
            labels.append(make())
            hashes.append(hash)
            lastSeen.append(now)
            isWritten.append(false)
        }
        numbers[hash] = number
        return number
    }

    mutating func remove(_ number: Int) {
        numbers[hashes[number]] = nil
        labels[number] = nil
        free.append(number)
    }
}
