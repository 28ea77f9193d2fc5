/// Why a stage can't be built: what is wrong with its pattern, path, template or address. The query is refused for it.
public struct PipelineError: Error, Equatable, Sendable, CustomStringConvertible {
    public let message: String

    public init(_ message: String) { self.message = message }

    public var description: String { message }
}
