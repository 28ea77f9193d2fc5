/// Bytes that pass their checksum, or have none, and yet are no column of the kind they should be.
public struct ColumnError: Error, Equatable, Sendable, CustomStringConvertible {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }

    public var description: String { reason }
}
