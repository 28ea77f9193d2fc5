import LSM

/// What a simulation went through.
struct Coverage {
    var acknowledged = 0
    private var checkpoints = 0
    private var flushes = 0
    private var flushFailures = 0
    private var compactions = 0
    private var replays = 0
    private var retries = 0
    private var refusals = 0
    private var fullDisks = 0
    private var objectsDeleted = 0

    mutating func note(_ statistics: EngineStatistics) {
        checkpoints += statistics.checkpoints
        flushes += statistics.flushes
        flushFailures += statistics.flushFailures
        compactions += statistics.compactions
        replays += statistics.recordsReplayed
        retries += statistics.retriesDropped
        refusals += statistics.writesRefused
        fullDisks += statistics.diskFullEvents
        objectsDeleted += statistics.objectsDeleted
    }

    mutating func add(_ other: Coverage) {
        acknowledged += other.acknowledged
        checkpoints += other.checkpoints
        flushes += other.flushes
        flushFailures += other.flushFailures
        compactions += other.compactions
        replays += other.replays
        retries += other.retries
        refusals += other.refusals
        fullDisks += other.fullDisks
        objectsDeleted += other.objectsDeleted
    }

    /// Of what every run of some dozens of seeds should see, what it did not.
    var missing: [String] {
        [
            ("acknowledged writes", acknowledged), ("checkpoints", checkpoints), ("flushes", flushes),
            ("failed flushes", flushFailures), ("compactions", compactions), ("replays", replays),
            ("retries dropped", retries), ("refusals", refusals), ("full disks", fullDisks),
            ("deleted objects", objectsDeleted),
        ].filter { $0.1 == 0 }.map(\.0)
    }
}
