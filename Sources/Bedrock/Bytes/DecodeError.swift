/// Why bytes from outside could not be decoded.
///
/// Thrown by every decoder of the house; `offset` is where in the input it gave up.
public struct DecodeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was wrong, in words for an operator.
    public let reason: String
    /// Byte offset in the decoded input.
    public let offset: Int

    public init(_ reason: String, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    public var description: String { "\(reason) at byte \(offset)" }
}
