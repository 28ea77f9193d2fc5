import Bedrock
import CMicroHTTPD

/// An answer in the library's form. One owner; released when dropped.
final class WireResponse: @unchecked Sendable {
    let handle: OpaquePointer
    let status: Int
    /// Of the body, as it goes over the wire; 0 where it isn't known yet.
    let byteCount: Int
    let stream: HTTPBodyStream?
    let webSocket: WebSocket?

    init?(status: Int, bytes: UnsafeRawBufferPointer) {
        guard let handle = cmhd_response(bytes.baseAddress, bytes.count) else { return nil }
        self.handle = handle
        self.status = status
        byteCount = bytes.count
        stream = nil
        webSocket = nil
    }

    /// One whose body comes as `stream` gives it.
    init?(status: Int, stream: HTTPBodyStream, connection: OpaquePointer) {
        guard let handle = StreamedAnswer(stream, connection: connection).response() else { return nil }
        self.handle = handle
        self.status = status
        byteCount = 0
        self.stream = stream
        webSocket = nil
    }

    /// One that hands the connection over.
    init?(_ webSocket: WebSocket) {
        let response = cmhd_upgrade_response { context, socket, early, earlyCount, handle in
            guard let context, let handle else { return }
            ServerConnection.of(context)
                .upgraded(
                    socket: socket, handle: handle,
                    early: Array(UnsafeRawBufferPointer(start: early, count: early == nil ? 0 : earlyCount)))
        }
        guard let response else { return nil }
        handle = response
        status = 101
        byteCount = 0
        stream = nil
        self.webSocket = webSocket
    }

    deinit { MHD_destroy_response(handle) }

    /// What the connection is in while this is sent.
    var phase: ServerConnection.Phase { webSocket != nil ? .upgraded : stream != nil ? .streaming : .sending }

    /// Fields that could not be a header (a line break in the value) are left out by the library.
    func add(_ name: String, _ value: String) { cmhd_add_header(handle, name, value) }
}

/// Turns a route's answer into what goes over the wire: compressed as the client accepts it, with the headers that are the server's own.
struct ResponseEncoder: Sendable {
    /// The request's field of that name.
    var acceptEncoding: String?
    var compressionMin: Int
    /// The `Access-Control-Allow-Origin` to send.
    var allowedOrigin: String?

    /// - Parameter connection: the one that the answer is for.
    func encode(_ response: HTTPResponse, for connection: OpaquePointer) -> WireResponse? {
        if let webSocket = response.webSocket { return dressed(WireResponse(webSocket), response) }
        if let stream = response.stream {
            return dressed(
                WireResponse(status: response.status, stream: stream, connection: connection), response)
        }
        let isBodiless = response.status == 204 || response.status == 304 || response.status < 200
        let body = isBodiless ? [] : response.body
        let compressible =
            body.count >= compressionMin && response.headers["Content-Encoding"] == nil
            && Self.isCompressible(response.headers["Content-Type"])
        let coding = compressible ? ContentCoding.negotiate(acceptEncoding) : .identity
        let wire =
            coding != .identity
            ? compressed(response.status, body, coding)
            : body.withUnsafeBytes { WireResponse(status: response.status, bytes: $0) }
        if compressible { wire?.add("Vary", "Accept-Encoding") }
        return dressed(wire, response)
    }

    /// With the answer's own headers and those of the server.
    private func dressed(_ wire: WireResponse?, _ response: HTTPResponse) -> WireResponse? {
        guard let wire else {
            response.abandon()
            return nil
        }
        for (name, value) in response.headers.fields { wire.add(name, value) }
        if let allowedOrigin {
            wire.add("Access-Control-Allow-Origin", allowedOrigin)
            wire.add("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
            wire.add("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin")
            wire.add("Access-Control-Expose-Headers", "Date")
            if allowedOrigin != "*" { wire.add("Vary", "Origin") }
        }
        return wire
    }

    /// Compressed, or as it is when that saves less than a twentieth.
    private func compressed(_ status: Int, _ body: [UInt8], _ coding: ContentCoding) -> WireResponse? {
        body.withUnsafeBytes { plain in
            var target = ByteBuffer(capacity: plain.count / 4 + 1024)
            coding.encode(plain, into: &target)
            guard target.count < plain.count - plain.count / 20 else {
                return WireResponse(status: status, bytes: plain)
            }
            let wire = WireResponse(status: status, bytes: target.bytes)
            wire?.add("Content-Encoding", coding.rawValue)
            return wire
        }
    }

    private static func isCompressible(_ contentType: String?) -> Bool {
        guard let contentType else { return true }
        return !["image/", "video/", "audio/", "application/gzip", "application/zstd"].contains {
            contentType.hasPrefix($0)
        }
    }
}
