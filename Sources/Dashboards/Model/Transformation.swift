import Formats

/// A step that reshapes a panel's frames before they are drawn; `options` as in the document.
public struct Transformation: Equatable, Sendable {
    public var id: String
    public var options: JSONValue
    public var isDisabled: Bool

    public init(id: String, options: JSONValue = .null, isDisabled: Bool = false) {
        self.id = id
        self.options = options
        self.isDisabled = isDisabled
    }
}
