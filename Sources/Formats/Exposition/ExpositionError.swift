/// What is wrong in a text exposition, and where.
public struct ExpositionError: Error, Equatable, Sendable, CustomStringConvertible {
    public let reason: String
    public let position: TextPosition

    public init(_ reason: String, at position: TextPosition) {
        self.reason = reason
        self.position = position
    }

    /// `line:col: reason`
    public var description: String { "\(position.line):\(position.column): \(reason)" }
}
