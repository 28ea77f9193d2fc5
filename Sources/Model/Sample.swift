/// A float value at a time.
public struct Sample: Equatable, Sendable {
    /// Milliseconds since the Unix epoch.
    public var timestamp: Int64
    public var value: Double

    @inlinable public init(_ timestamp: Int64, _ value: Double) {
        self.timestamp = timestamp
        self.value = value
    }
}

/// The NaN that says "this series ended here"; distinct from every other NaN by its bits.
public enum StaleMarker {
    public static let bits: UInt64 = 0x7ff0_0000_0000_0002
    public static let value = Double(bitPattern: bits)

    @inlinable public static func matches(_ value: Double) -> Bool { value.bitPattern == 0x7ff0_0000_0000_0002 }
}

/// A span of time in milliseconds, both ends included.
public struct TimeRange: Hashable, Sendable {
    public var start: Int64
    public var end: Int64

    @inlinable public init(_ start: Int64, _ end: Int64) {
        self.start = start
        self.end = end
    }

    public static let everything = TimeRange(.min, .max)

    @inlinable public func contains(_ t: Int64) -> Bool { t >= start && t <= end }
    @inlinable public func overlaps(_ other: TimeRange) -> Bool { start <= other.end && other.start <= end }
    @inlinable public var isEmpty: Bool { start > end }
}
