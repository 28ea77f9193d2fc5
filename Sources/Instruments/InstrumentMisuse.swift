import Synchronization

/// Counts recordings that an instrument had to ignore: instruments never stop the program that they watch. Thread-safe.
public enum InstrumentMisuse {
    private static let ignored = Atomic<UInt64>(0)

    /// Recordings ignored so far, in the whole process: counters asked to fall, up-down counters given NaN.
    public static var ignoredCount: UInt64 { ignored.load(ordering: .relaxed) }

    static func count() { ignored.wrappingAdd(1, ordering: .relaxed) }
}
