/// Whose data it is. Every batch, segment and query belongs to one; it is never a label.
public struct Tenant: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let name: String

    public init(_ name: String) { self.name = name }

    /// The tenant of everything that says nothing else.
    public static let `default` = Tenant("default")

    public static func < (a: Tenant, b: Tenant) -> Bool { utf8Precedes(a.name, b.name) }
    public var description: String { name }
}
