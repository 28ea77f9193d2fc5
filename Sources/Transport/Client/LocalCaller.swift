import Bedrock

/// Hands calls to routes of this process, without a socket: for tools that bring their own server, and for tests. Thread-safe.
///
/// Host and scheme of the URL don't matter. Bodies are whole and uncompressed; limits, tokens and compression are the server's, not here.
public struct LocalCaller: HTTPCaller {
    private let router: Router

    public init(routes: [HTTPRoute]) { router = Router(routes) }

    public func send(_ call: HTTPCall, done: @escaping @Sendable (Result<HTTPResponse, HTTPCallError>) -> Void) {
        do throws(Refusal) {
            var headers = call.headers
            if headers["Host"] == nil { headers["Host"] = "local" }
            let head = try RequestHead(
                method: call.method.rawValue, version: "HTTP/1.1", target: Self.target(call.url), headers: headers,
                parametersMax: 10_000)
            var request = HTTPRequest(
                method: call.method, path: head.path, parameters: head.query, headers: call.headers,
                body: HTTPBody(call.body), peer: "local")
            let type = call.headers["Content-Type"] ?? ""
            if type.hasPrefix("application/x-www-form-urlencoded") {
                request.parameters += try Self.form(call.body)
            }
            switch router.find(call.method, path: head.path, segments: { head.segments }) {
            case .route(let entry, let stars):
                for star in stars { request.parameters.append(("*", star)) }
                entry.handler(request) { Self.gather($0, call, done) }
            case .otherMethods:
                done(.success(.error(405, "bad_data", "\(head.path) does not take \(call.method.rawValue)")))
            case .nothing: done(.success(.error(404, "not_found", "there is nothing at \(head.path)")))
            }
        } catch {
            done(.success(.error(error.status, error.type, error.text)))
        }
    }

    /// Hands over a whole answer; one that comes as a stream is gathered first.
    private static func gather(
        _ response: HTTPResponse, _ call: HTTPCall,
        _ done: @escaping @Sendable (Result<HTTPResponse, HTTPCallError>) -> Void
    ) {
        guard response.webSocket == nil else {
            response.abandon()
            return done(.failure(.other("a websocket takes a server")))
        }
        guard let stream = response.stream else { return done(.success(response)) }
        StreamGatherer(stream, call, response, done).read()
    }

    /// Path and query of an absolute URL.
    private static func target(_ url: String) -> [UInt8] {
        let bytes = Array(url.utf8)
        guard let scheme = url.firstRange(of: "://") else { return bytes }
        let rest = url.utf8[scheme.upperBound...]
        return rest.firstIndex(of: UInt8(ascii: "/")).map { Array(rest[$0...]) } ?? [UInt8(ascii: "/")]
    }

    private static func form(_ body: [UInt8]) throws(Refusal) -> [(name: String, value: String)] {
        var parameters: [(name: String, value: String)] = []
        var malformed: MalformedText?
        body.withUnsafeBufferPointer { bytes in
            do throws(MalformedText) {
                try PercentCoding.parseForm(bytes, into: &parameters, limit: 10_000)
            } catch { malformed = error }
        }
        if let malformed { throw .badData(malformed.reason) }
        return parameters
    }
}
