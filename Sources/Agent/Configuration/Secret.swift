/// A password or token. Printing, interpolating or dumping it shows `<secret>`; only `reveal` gives it away.
public struct Secret: Equatable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    public init(_ text: String) { self.text = text }

    /// The secret itself, for the one place that sends it.
    public var reveal: String { text }

    public var description: String { "<secret>" }
    public var debugDescription: String { "<secret>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Where a secret stands: in the configuration, or in a file that is read anew for each use, so that it can be rotated.
public enum SecretSource: Equatable, Sendable {
    case text(Secret)
    case file(String)
}
