import Bedrock

/// A pattern of names that are left out, unanchored as node_exporter's `--collector.*-exclude` flags are.
struct HostExclusion: Sendable {
    private let expression: RegularExpression?

    /// An empty pattern excludes nothing.
    init(_ pattern: String) throws(RegexError) {
        expression = pattern.isEmpty ? nil : try RegularExpression(pattern, anchored: false)
    }

    func matches(_ name: String) -> Bool { expression?.matches(name) ?? false }
}
