/// Finds the route of a request. Immutable and thread-safe.
struct Router: Sendable {
    /// What there is at a path.
    enum Match {
        /// `stars` are the decoded texts behind the pattern's `*`, in order.
        case route(Entry, stars: [String])
        /// The path exists, for these methods only.
        case otherMethods([HTTPMethod])
        case nothing
    }

    /// A route, shared instead of copied.
    final class Entry: Sendable {
        let methods: [HTTPMethod]
        let pattern: String
        let bodyMax: Int
        let decodesBody: Bool
        let takesForms: Bool
        let handler: HTTPHandler

        init(_ route: HTTPRoute) {
            methods = route.methods
            pattern = route.pattern
            bodyMax = route.bodyMax
            decodesBody = route.decodesBody
            takesForms = route.takesForms
            handler = route.handler
        }
    }

    private struct Pattern {
        /// nil stands for `*`.
        let segments: [String?]
        let entry: Entry
    }

    /// Routes of patterns without stars by path; the first one added for a method wins.
    private var exact: [String: [Entry]] = [:]
    private var patterns: [Pattern] = []

    init(_ routes: [HTTPRoute]) {
        for route in routes {
            precondition(route.pattern.hasPrefix("/"), "route pattern \(route.pattern) does not begin with a slash")
            let segments = Self.split(route.pattern)
            if segments.contains("*") {
                patterns.append(Pattern(segments: segments.map { $0 == "*" ? nil : $0 }, entry: Entry(route)))
            } else {
                exact[route.pattern, default: []].append(Entry(route))
            }
        }
    }

    /// - Parameters:
    ///   - path: the decoded path.
    ///   - segments: the decoded parts between the slashes of the encoded path, so that an encoded slash stays in its segment.
    func find(_ method: HTTPMethod, path: String, segments: () -> [String]) -> Match {
        var others: [HTTPMethod] = []
        for route in exact[path] ?? [] {
            if route.methods.contains(method) { return .route(route, stars: []) }
            others += route.methods
        }
        if !others.isEmpty { return method == .head ? headOfGet(path, segments, others) : .otherMethods(others) }
        guard !patterns.isEmpty else { return .nothing }
        let parts = segments()
        for pattern in patterns {
            guard let stars = Self.match(pattern.segments, parts) else { continue }
            if pattern.entry.methods.contains(method) { return .route(pattern.entry, stars: stars) }
            others += pattern.entry.methods
        }
        if others.isEmpty { return .nothing }
        return method == .head ? headOfGet(path, segments, others) : .otherMethods(others)
    }

    /// HEAD is answered by the route for GET; the server leaves the body out.
    private func headOfGet(_ path: String, _ segments: () -> [String], _ others: [HTTPMethod]) -> Match {
        others.contains(.get) ? find(.get, path: path, segments: segments) : .otherMethods(others)
    }

    private static func match(_ pattern: [String?], _ parts: [String]) -> [String]? {
        guard pattern.count == parts.count else { return nil }
        var stars: [String] = []
        for (wanted, part) in zip(pattern, parts) {
            if let wanted {
                guard wanted == part else { return nil }
            } else {
                guard !part.isEmpty else { return nil }
                stars.append(part)
            }
        }
        return stars
    }

    /// The parts between the slashes; the empty one before the leading slash is left out.
    private static func split(_ path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst().map {
            String($0) ?? ""
        }
    }
}
