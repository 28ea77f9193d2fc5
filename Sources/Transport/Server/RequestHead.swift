import CMicroHTTPD

/// What a request says before its body.
struct RequestHead {
    var method: String
    /// Decoded, without the query.
    var path: String
    var headers: HTTPHeaders
    var framing: Framing
    var query: [(name: String, value: String)]
    /// The path's encoded bytes, for splitting it before it is decoded.
    private let encodedPath: ArraySlice<UInt8>

    /// - Parameter target: the request target as sent.
    init(
        method: String, version: String, target: [UInt8], headers: HTTPHeaders, parametersMax: Int
    ) throws(Refusal) {
        self.method = method
        self.headers = headers
        framing = try Framing(headers, version: version, method: method)
        let end = target.firstIndex(of: UInt8(ascii: "?")) ?? target.count
        encodedPath = target[..<end]
        guard target.first == UInt8(ascii: "/") || target == [UInt8(ascii: "*")] else {
            throw .malformed("the request target must be a path")
        }
        guard let path = Self.decode(encodedPath) else {
            throw .badData("the path is not percent-encoded UTF-8")
        }
        self.path = path
        query = []
        guard end < target.count else { return }
        var malformed: MalformedText?
        var parameters: [(name: String, value: String)] = []
        target[(end + 1)...].withUnsafeBufferPointer { bytes in
            do throws(MalformedText) {
                try PercentCoding.parseForm(bytes, into: &parameters, limit: parametersMax)
            } catch { malformed = error }
        }
        if let malformed { throw .badData(malformed.reason) }
        query = parameters
    }

    /// The decoded parts between the path's slashes.
    var segments: [String] {
        encodedPath.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
            .map { Self.decode($0) ?? "" }
    }

    private static func decode(_ bytes: ArraySlice<UInt8>) -> String? {
        bytes.withUnsafeBufferPointer { PercentCoding.decode($0, plusIsSpace: false) }
    }
}

/// Copies a request's header fields out of the library, within limits.
///
/// - Throws: 431 when there are too many, or too long ones.
func readHeaders(_ connection: OpaquePointer, bytesMax: Int, countMax: Int) throws(Refusal) -> HTTPHeaders {
    struct Collected {
        var headers = HTTPHeaders()
        var bytes = 0
        var count = 0
        let bytesMax: Int
        let countMax: Int
    }
    var collected = Collected(bytesMax: bytesMax, countMax: countMax)
    collected.headers.fields.reserveCapacity(12)
    withUnsafeMutablePointer(to: &collected) { pointer in
        cmhd_headers(
            connection,
            { context, name, nameLength, value, valueLength in
                guard let context, let name else { return 0 }
                let collected = context.assumingMemoryBound(to: Collected.self)
                collected.pointee.bytes += nameLength + valueLength
                collected.pointee.count += 1
                guard collected.pointee.bytes <= collected.pointee.bytesMax,
                    collected.pointee.count <= collected.pointee.countMax
                else { return 0 }
                collected.pointee.headers.add(text(name, nameLength), value.map { text($0, valueLength) } ?? "")
                return 1
            }, pointer)
    }
    guard collected.bytes <= collected.bytesMax, collected.count <= collected.countMax else {
        throw Refusal(
            status: 431, type: "bad_data",
            text: "header fields are over \(collected.bytesMax) bytes or \(collected.countMax) fields", mustClose: true)
    }
    return collected.headers
}

private func text(_ start: UnsafePointer<CChar>, _ length: Int) -> String {
    String(decoding: UnsafeRawBufferPointer(start: start, count: length), as: UTF8.self)
}
