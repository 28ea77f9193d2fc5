/// A node of a YAML document, with the place where it stands. Immutable.
///
/// Aliases and merge keys (`<<`) are resolved already; keys of a mapping are unique and in the document's order.
public struct YAMLNode: Equatable, Sendable {
    public enum ScalarStyle: Sendable {
        case plain, singleQuoted, doubleQuoted, literal, folded
    }

    public indirect enum Content: Equatable, Sendable {
        case scalar(String, ScalarStyle)
        case sequence([YAMLNode])
        case mapping([YAMLEntry])
    }

    public let content: Content
    public let position: TextPosition

    public init(_ content: Content, at position: TextPosition) {
        self.content = content
        self.position = position
    }

    /// The text of a scalar, whatever its style.
    public var scalar: String? { if case .scalar(let text, _) = content { text } else { nil } }
    public var sequence: [YAMLNode]? { if case .sequence(let nodes) = content { nodes } else { nil } }
    public var mapping: [YAMLEntry]? { if case .mapping(let entries) = content { entries } else { nil } }

    /// An unquoted `null`, `~` or nothing at all.
    public var isNull: Bool {
        guard case .scalar(let text, .plain) = content else { return false }
        return text.isEmpty || text == "~" || text == "null" || text == "Null" || text == "NULL"
    }

    /// The value of a mapping's key.
    public subscript(key: String) -> YAMLNode? { mapping?.first { $0.key == key }?.value }
}

/// A key and value of a mapping.
public struct YAMLEntry: Equatable, Sendable {
    public let key: String
    public let keyPosition: TextPosition
    public let value: YAMLNode

    public init(key: String, keyPosition: TextPosition, value: YAMLNode) {
        self.key = key
        self.keyPosition = keyPosition
        self.value = value
    }
}

/// What is wrong in a YAML file, and where.
public struct YAMLError: Error, Equatable, Sendable, CustomStringConvertible {
    /// As the operator named it; empty for text that is no file.
    public let file: String
    public let position: TextPosition
    public let reason: String

    public init(_ reason: String, file: String, at position: TextPosition) {
        self.reason = reason
        self.file = file
        self.position = position
    }

    public var description: String {
        (file.isEmpty ? "" : file + ":") + "\(position.line):\(position.column): \(reason)"
    }
}

/// Bounds on a document, so that a hostile one stays cheap.
public struct YAMLLimits: Sendable {
    /// Longer documents are refused unread.
    public var bytesMax = 16 << 20
    /// Sequences and mappings within one another, those behind aliases included.
    public var depthMax = 64
    /// Nodes of the document with every alias spelled out ("billion laughs").
    public var nodesMax = 1_000_000

    public init() {}
}
