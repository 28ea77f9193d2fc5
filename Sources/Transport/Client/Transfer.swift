import Bedrock
import CCurl

/// One call on its way: what has come of its answer, and whom to tell. Touched by the client's thread only, once handed in.
final class Transfer: @unchecked Sendable {
    typealias Done = @Sendable (Result<HTTPResponse, HTTPCallError>) -> Void

    private static let headerBytesMax = 256 << 10

    let call: HTTPCall
    /// Monotonic nanoseconds by which the library must have given up.
    let deadline: UInt64
    private let options: HTTPCallOptions
    private let userAgent: String
    private let done: Done
    private var lists: [UnsafeMutablePointer<curl_slist>] = []
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private var headers = HTTPHeaders()
    private var headerBytes = 0
    private var body: [UInt8] = []
    private var isTooLarge = false
    private var isDeclined = false
    /// Of the answer whose headers came last.
    private var status = 0
    private var decodesBody = false

    init(_ call: HTTPCall, client: HTTPClientOptions, now: UInt64, done: @escaping Done) {
        self.call = call
        self.done = done
        options = call.options ?? client.defaults
        userAgent = client.userAgent
        let seconds = max(0.001, min(call.timeoutSeconds, 86_400))
        deadline = call.timeoutSeconds == .infinity ? .max : now &+ UInt64((seconds + 0.5) * 1e9)
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        for list in lists { curl_slist_free_all(list) }
        errorText.deallocate()
    }

    func finish(_ result: Result<HTTPResponse, HTTPCallError>) { done(result) }

    // MARK: Setting up

    /// Fills in a fresh handle. `handle` keeps an unretained reference to this object.
    func configure(_ handle: UnsafeMutableRawPointer) throws(HTTPCallError) {
        let me = Unmanaged.passUnretained(self).toOpaque()
        ccurl_set_pointer(handle, CURLOPT_PRIVATE, me)
        ccurl_set_pointer(handle, CURLOPT_ERRORBUFFER, errorText)
        ccurl_set_pointer(handle, CURLOPT_WRITEDATA, me)
        ccurl_set_callback(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, transfer in
            Transfer.of(transfer)?.take(UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? 0
        }
        ccurl_set_pointer(handle, CURLOPT_HEADERDATA, me)
        ccurl_set_callback(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, transfer in
            Transfer.of(transfer)?.takeHeader(UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? 0
        }
        ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        ccurl_set_string(handle, CURLOPT_PROTOCOLS_STR, "http,https")
        ccurl_set_string(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
        ccurl_set_long(handle, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        ccurl_set_string(handle, CURLOPT_USERAGENT, userAgent)
        // 0: none.
        ccurl_set_long(
            handle, CURLOPT_TIMEOUT_MS, call.timeoutSeconds == .infinity ? 0 : milliseconds(call.timeoutSeconds))
        if let silence = call.silenceSecondsMax {
            ccurl_set_long(handle, CURLOPT_LOW_SPEED_LIMIT, 1)
            ccurl_set_long(handle, CURLOPT_LOW_SPEED_TIME, Int(max(1, min(silence.rounded(.up), 86_400))))
        }
        ccurl_set_long(
            handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(min(options.connectSecondsMax, call.timeoutSeconds)))
        // An empty string, unlike none, keeps the environment's proxies out.
        ccurl_set_string(handle, CURLOPT_PROXY, options.proxy ?? "")
        if let socket = options.unixSocket { ccurl_set_string(handle, CURLOPT_UNIX_SOCKET_PATH, socket) }
        if options.redirectsMax > 0 {
            ccurl_set_long(handle, CURLOPT_FOLLOWLOCATION, 1)
            ccurl_set_long(handle, CURLOPT_MAXREDIRS, options.redirectsMax)
        }
        if call.headers["Accept-Encoding"] == nil {
            // Everything that the library can undo.
            ccurl_set_string(handle, CURLOPT_ACCEPT_ENCODING, "")
            decodesBody = true
        }
        setMethod(handle)
        setTLS(handle)
        let host = try setURL(handle)
        try setHeaders(handle, host: host)
    }

    private func setMethod(_ handle: UnsafeMutableRawPointer) {
        switch call.method {
        case .get: ccurl_set_long(handle, CURLOPT_HTTPGET, 1)
        case .head: ccurl_set_long(handle, CURLOPT_NOBODY, 1)
        case .post: ccurl_set_long(handle, CURLOPT_POST, 1)
        case .put, .delete, .options: ccurl_set_string(handle, CURLOPT_CUSTOMREQUEST, call.method.rawValue)
        }
        if !call.body.isEmpty || call.method == .post || call.method == .put {
            _ = call.body.withUnsafeBytes { ccurl_copy_body(handle, $0.baseAddress, $0.count) }
            // Only where a body was given to a method that has none by itself.
            if call.method == .get { ccurl_set_string(handle, CURLOPT_CUSTOMREQUEST, "GET") }
        }
    }

    private func setTLS(_ handle: UnsafeMutableRawPointer) {
        let tls = options.tls
        if let file = tls.authoritiesFile {
            ccurl_set_string(handle, CURLOPT_CAINFO, file)
            // Instead of the system's, not beside them.
            ccurl_set_string(handle, CURLOPT_CAPATH, nil)
        }
        if let file = tls.certificateFile { ccurl_set_string(handle, CURLOPT_SSLCERT, file) }
        if let file = tls.keyFile { ccurl_set_string(handle, CURLOPT_SSLKEY, file) }
        ccurl_set_long(handle, CURLOPT_SSL_VERIFYPEER, tls.skipsVerification ? 0 : 1)
        ccurl_set_long(handle, CURLOPT_SSL_VERIFYHOST, tls.skipsVerification ? 0 : 2)
    }

    /// Sets the URL; where the certificate bears another name, connects to the URL's host under that name, and returns the `Host` to say.
    private func setURL(_ handle: UnsafeMutableRawPointer) throws(HTTPCallError) -> String? {
        guard let name = options.tls.serverName, !name.isEmpty else {
            ccurl_set_string(handle, CURLOPT_URL, call.url)
            return nil
        }
        guard let url = curl_url() else { throw .other("out of memory") }
        defer { curl_url_cleanup(url) }
        guard curl_url_set(url, CURLUPART_URL, call.url, 0) == CURLUE_OK, let host = part(url, CURLUPART_HOST) else {
            throw .other("\(call.url) is not a URL")
        }
        let port = part(url, CURLUPART_PORT)
        guard curl_url_set(url, CURLUPART_HOST, name, 0) == CURLUE_OK, let renamed = part(url, CURLUPART_URL) else {
            throw .other("\(name) is not a server name")
        }
        ccurl_set_string(handle, CURLOPT_URL, renamed)
        let redirection = curl_slist_append(nil, "\(name)::\(host):")
        keep(redirection)
        ccurl_set_list(handle, CURLOPT_CONNECT_TO, redirection)
        return host + (port.map { ":" + $0 } ?? "")
    }

    private func part(_ url: OpaquePointer, _ what: CURLUPart) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(url, what, &text, 0) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }

    private func setHeaders(_ handle: UnsafeMutableRawPointer, host: String?) throws(HTTPCallError) {
        var fields = call.headers
        if let host, fields["Host"] == nil { fields.add("Host", host) }
        switch options.credentials {
        case .none: break
        case .bearer(let token): if fields["Authorization"] == nil { fields.add("Authorization", "Bearer " + token) }
        case .basic(let user, let password):
            ccurl_set_long(handle, CURLOPT_HTTPAUTH, 1)
            ccurl_set_string(handle, CURLOPT_USERNAME, user)
            ccurl_set_string(handle, CURLOPT_PASSWORD, password)
        }
        // Without these the library would wait for a 100 before big bodies, and call every body a form.
        var lines = ["Expect:"]
        if fields["Content-Type"] == nil { lines.append("Content-Type:") }
        for (name, value) in fields.fields {
            guard !(name + value).utf8.contains(where: { $0 == 10 || $0 == 13 || $0 == 0 }) else {
                throw .other("header \(name) holds a line break")
            }
            // The library takes a name followed by a semicolon for a field without value.
            lines.append(value.isEmpty ? name + ";" : name + ": " + value)
        }
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines { list = curl_slist_append(list, line) }
        keep(list)
        ccurl_set_list(handle, CURLOPT_HTTPHEADER, list)
    }

    private func keep(_ list: UnsafeMutablePointer<curl_slist>?) { if let list { lists.append(list) } }

    private func milliseconds(_ seconds: Double) -> Int { Int(max(1, min(seconds, 86_400) * 1000)) }

    // MARK: The answer

    static func of(_ pointer: UnsafeMutableRawPointer?) -> Transfer? {
        pointer.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Anything but `bytes.count` makes the library give up.
    private func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        if let receive = call.receive {
            isDeclined = !receive(status, bytes)
            return isDeclined ? 0 : bytes.count
        }
        guard body.count + bytes.count <= call.responseMax else {
            isTooLarge = true
            return 0
        }
        body.append(contentsOf: bytes)
        return bytes.count
    }

    private func takeHeader(_ bytes: UnsafeRawBufferPointer) -> Int {
        if bytes.starts(with: "HTTP/".utf8) {
            // Of the last answer only, where there were a 100 or redirects before it.
            headers = HTTPHeaders()
            status = Self.status(bytes)
            return bytes.count
        }
        headerBytes += bytes.count
        guard headerBytes <= Self.headerBytesMax else {
            isTooLarge = true
            return 0
        }
        if let colon = bytes.firstIndex(of: UInt8(ascii: ":")) {
            let value = String(decoding: bytes[(colon + 1)...].filter { $0 != 13 && $0 != 10 }, as: UTF8.self)
            headers.add(String(decoding: bytes[..<colon], as: UTF8.self), value.trimmingBlanks())
        }
        return bytes.count
    }

    /// Of a status line.
    private static func status(_ line: UnsafeRawBufferPointer) -> Int {
        guard let blank = line.firstIndex(of: UInt8(ascii: " ")) else { return 0 }
        return Int(String(decoding: line[(blank + 1)...].prefix(3), as: UTF8.self)) ?? 0
    }

    /// What came of it.
    func result(_ code: CURLcode) -> Result<HTTPResponse, HTTPCallError> {
        if isTooLarge { return .failure(.tooLarge(limit: call.responseMax)) }
        if isDeclined { return .failure(.cancelled) }
        guard code == CURLE_OK else { return .failure(failure(code)) }
        if decodesBody, headers["Content-Encoding"] != nil {
            headers["Content-Encoding"] = nil
            headers["Content-Length"] = nil
        }
        return .success(HTTPResponse(status: status, headers: headers, body: body))
    }

    private func failure(_ code: CURLcode) -> HTTPCallError {
        let detail = errorText.pointee != 0 ? String(cString: errorText) : String(cString: curl_easy_strerror(code))
        switch code {
        case CURLE_OPERATION_TIMEDOUT: return .timeout(seconds: call.timeoutSeconds)
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_SSL_CONNECT_ERROR,
            CURLE_PEER_FAILED_VERIFICATION, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE:
            return .unreachable("cannot reach \(call.url): \(detail)")
        default: return .other("\(call.url): \(detail)")
        }
    }
}
