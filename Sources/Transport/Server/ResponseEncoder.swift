import Bedrock
import CMicroHTTPD

/// An answer in the library's form. One owner; released when dropped.
final class WireResponse: @unchecked Sendable {
    let handle: OpaquePointer
    let status: Int
    /// Of the body, as it goes over the wire.
    let byteCount: Int

    init?(status: Int, bytes: UnsafeRawBufferPointer) {
        guard let handle = cmhd_response(bytes.baseAddress, bytes.count) else { return nil }
        self.handle = handle
        self.status = status
        byteCount = bytes.count
    }

    deinit { MHD_destroy_response(handle) }

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

    func encode(_ response: HTTPResponse) -> WireResponse? {
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
        guard let wire else { return nil }
        for (name, value) in response.headers.fields { wire.add(name, value) }
        if compressible { wire.add("Vary", "Accept-Encoding") }
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
