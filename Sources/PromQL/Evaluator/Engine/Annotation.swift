import Bedrock
import Model
import Synchronization

/// A remark on a query: it has a result, but perhaps not the wanted one.
public struct Annotation: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable {
        case warning, info
    }

    public let kind: Kind
    /// The text without prefix and position.
    public let message: String
    /// The expression it is about.
    public let source: SourceRange

    public init(_ kind: Kind, _ message: String, _ source: SourceRange) {
        self.kind = kind
        self.message = message
        self.source = source
    }

    /// As the API shows it: `PromQL warning: … (line:column)`.
    public func text(in query: String) -> String {
        "PromQL \(kind.rawValue): \(message) (\(source.position(in: query)))"
    }
}

/// The remarks of one query so far, one per kind and message. Thread-safe.
final class AnnotationLog: Sendable {
    private struct Key: Hashable {
        let kind: Annotation.Kind
        let message: String
    }

    private let found = Mutex<[Key: Annotation]>([:])

    func add(_ annotation: Annotation) {
        let key = Key(kind: annotation.kind, message: annotation.message)
        found.withLock { found in
            // Of equal remarks the one furthest to the left stays, whichever thread came first.
            if let earlier = found[key], earlier.source.start <= annotation.source.start { return }
            found[key] = annotation
        }
    }

    func warn(_ message: String, _ source: SourceRange) { add(Annotation(.warning, message, source)) }
    func inform(_ message: String, _ source: SourceRange) { add(Annotation(.info, message, source)) }

    /// All, by position and text.
    func sorted() -> (warnings: [Annotation], infos: [Annotation]) {
        let all = found.withLock { Array($0.values) }.sorted {
            ($0.source.start, $0.message) < ($1.source.start, $1.message)
        }
        return (all.filter { $0.kind == .warning }, all.filter { $0.kind == .info })
    }
}
