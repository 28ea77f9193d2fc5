import Bedrock

public enum HTTPMethod: String, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
    case options = "OPTIONS"
}

/// Header fields in order; names compare without case.
public struct HTTPHeaders: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    public internal(set) var fields: [(name: String, value: String)] = []

    public init() {}

    public init(dictionaryLiteral elements: (String, String)...) { for (name, value) in elements { add(name, value) } }

    public static func == (a: HTTPHeaders, b: HTTPHeaders) -> Bool {
        a.fields.elementsEqual(b.fields) { $0.name == $1.name && $0.value == $1.value }
    }

    /// The first value of `name`; setting replaces all of them, nil removes them.
    public subscript(name: String) -> String? {
        get { fields.first { Self.same($0.name, name) }?.value }
        set {
            fields.removeAll { Self.same($0.name, name) }
            if let newValue { fields.append((name, newValue)) }
        }
    }

    public mutating func add(_ name: String, _ value: String) { fields.append((name, value)) }

    public func all(_ name: String) -> [String] { fields.filter { Self.same($0.name, name) }.map(\.value) }

    private static func same(_ a: String, _ b: String) -> Bool {
        a.utf8.count == b.utf8.count && a.utf8.elementsEqual(b.utf8, by: isSameLetter)
    }
}

/// A received request, its body whole and already decompressed within the route's limits. Thread-safe.
public struct HTTPRequest: Sendable {
    public var method: HTTPMethod
    /// Percent-decoded path, without the query.
    public var path: String
    /// Decoded parameters, names may repeat: those of an `application/x-www-form-urlencoded` body first, so that they win over the URL's.
    public var parameters: [(name: String, value: String)]
    public var headers: HTTPHeaders
    public var body: HTTPBody
    /// `address:port` of the peer, for logs.
    public var peer: String
    /// Cancelled when the client hangs up or the server shuts down.
    public var cancellation: Cancellation

    public init(
        method: HTTPMethod, path: String, parameters: [(name: String, value: String)] = [],
        headers: HTTPHeaders = .init(),
        body: HTTPBody = HTTPBody(), peer: String = "", cancellation: Cancellation = Cancellation()
    ) {
        self.method = method
        self.path = path
        self.parameters = parameters
        self.headers = headers
        self.body = body
        self.peer = peer
        self.cancellation = cancellation
    }

    /// The first value of a parameter.
    public func parameter(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

    /// All values of a repeated parameter such as `match[]`.
    public func parameters(_ name: String) -> [String] { parameters.filter { $0.name == name }.map(\.value) }
}

/// Bytes of a request body, pooled: they go back to the server's pool when the last reference is dropped. Immutable and thread-safe.
public final class HTTPBody: @unchecked Sendable {
    private let storage: UnsafeMutableRawBufferPointer
    private let release: @Sendable (UnsafeMutableRawBufferPointer) -> Void
    public let count: Int

    /// An empty body.
    public convenience init() { self.init([UInt8]()) }

    /// A copy of `bytes`.
    public convenience init(_ bytes: [UInt8]) {
        let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 16)
        storage.copyBytes(from: bytes)
        self.init(adopting: storage, count: bytes.count) { $0.deallocate() }
    }

    /// Takes over `storage`, of which the first `count` bytes are the body.
    public init(
        adopting storage: UnsafeMutableRawBufferPointer, count: Int,
        release: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void
    ) {
        self.storage = storage
        self.count = count
        self.release = release
    }

    deinit { release(storage) }

    /// The bytes; valid while this object is referenced.
    public var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(storage)[..<count])
    }

    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// An answer, compressed by the server as the client accepts it.
public struct HTTPResponse: Sendable {
    public var status: Int
    public var headers: HTTPHeaders
    public var body: [UInt8]
    /// When given, the body is what this stream gives, as it comes, and `body` is ignored. Not compressed.
    public var stream: HTTPBodyStream?
    /// When given, the answer agrees to a websocket.
    var webSocket: WebSocket?

    public init(status: Int, headers: HTTPHeaders = .init(), body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// An answer whose body is produced while it is sent.
    public init(status: Int = 200, headers: HTTPHeaders = .init(), stream: HTTPBodyStream) {
        self.init(status: status, headers: headers)
        self.stream = stream
    }

    /// Tells those who would feed a stream or a websocket that this answer will not be sent.
    func abandon() {
        stream?.cancel()
        webSocket?.end(code: 1006, reason: "the client has gone")
    }

    public init(status: Int = 200, contentType: String, _ text: String) {
        self.init(status: status, headers: ["Content-Type": contentType], body: Array(text.utf8))
    }
}

/// What a route does. Called on an event-loop thread: it must not block, but may hand `respond` to another thread.
/// `respond` is called exactly once, from any thread; dropping it unanswered sends 500.
public typealias HTTPHandler = @Sendable (HTTPRequest, _ respond: @escaping @Sendable (HTTPResponse) -> Void) -> Void

/// One entry of a router.
public struct HTTPRoute: Sendable {
    public var methods: [HTTPMethod]
    /// Path segments; `*` matches one segment, its text is given as the parameter `*` (in order of the stars).
    public var pattern: String
    /// Largest body accepted, in bytes, before and after decompression.
    public var bodyMax: Int
    /// Whether the server undoes the request's Content-Encoding; false for protocols that compress in their own way, whose handler
    /// judges that header itself.
    public var decodesBody: Bool
    /// Whether a body that says it is a form is taken apart into parameters; false where bodies are data whatever their type says, as
    /// command-line clients call everything a form.
    public var takesForms: Bool
    public var handler: HTTPHandler

    public init(
        _ methods: [HTTPMethod], _ pattern: String, bodyMax: Int = 1 << 20, decodesBody: Bool = true,
        takesForms: Bool = true, _ handler: @escaping HTTPHandler
    ) {
        self.methods = methods
        self.pattern = pattern
        self.bodyMax = bodyMax
        self.decodesBody = decodesBody
        self.takesForms = takesForms
        self.handler = handler
    }
}
