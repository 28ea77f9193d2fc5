import Bedrock
import Formats
import Model
import Transport

/// One server and how to get an answer out of it: what the clients of its APIs share. A value, thread-safe.
struct ServerExchange: Sendable {
    let server: ServerContext
    let caller: any HTTPCaller
    /// Whole exchange, in seconds.
    var timeoutSeconds: Double
    /// Largest answer accepted, in bytes.
    var answerBytesMax: Int
    /// Whether errors come as plain text, as Loki's do, and not in an envelope.
    var hasPlainErrors = false

    // MARK: requests

    func get(
        _ path: String, _ parameters: [(name: String, value: String)], headers: HTTPHeaders = .init(),
        timeout: Double? = nil
    ) async throws(ClientError) -> [UInt8] {
        try await send(call(path, parameters, headers: headers), timeout: timeout)
    }

    func post(
        _ path: String, _ form: [(name: String, value: String)], headers: HTTPHeaders = .init()
    ) async throws(ClientError) -> [UInt8] {
        var call = HTTPCall(.post, server.address + path, headers: headers)
        call.headers.add("Content-Type", "application/x-www-form-urlencoded")
        call.body = Array(PercentCoding.form(form).utf8)
        return try await send(call, timeout: nil)
    }

    /// A GET with everything that this server wants of a request.
    func call(
        _ path: String, _ parameters: [(name: String, value: String)], headers: HTTPHeaders = .init()
    ) -> HTTPCall {
        let query = parameters.isEmpty ? "" : "?" + PercentCoding.form(parameters)
        return HTTPCall(.get, server.address + path + query, headers: headers)
    }

    /// `call` with the server's credentials, tenant and limits.
    func prepared(_ call: HTTPCall, timeout: Double?) -> HTTPCall {
        var call = call
        call.timeoutSeconds = timeout ?? timeoutSeconds
        call.responseMax = answerBytesMax
        call.options = server.callOptions
        if let tenant = server.tenant { call.headers.add("X-Scope-OrgID", tenant) }
        return call
    }

    private func send(_ call: HTTPCall, timeout: Double?) async throws(ClientError) -> [UInt8] {
        let response: HTTPResponse
        do throws(HTTPCallError) { response = try await caller.response(to: prepared(call, timeout: timeout)) } catch {
            throw translate(error)
        }
        if response.status / 100 != 2 { throw failure(status: response.status, body: response.body) }
        return response.body
    }

    // MARK: answers

    /// Reads an envelope whose data `parse` consumes.
    func read<T>(
        _ body: [UInt8], _ parse: (inout JSONScanner) throws(ScanError) -> T
    ) throws(ClientError) -> (value: T, envelope: Envelope) {
        let outcome: Result<(value: T, envelope: Envelope), ClientError> = body.withUnsafeBytes { bytes in
            var value: T?
            do throws(ScanError) {
                let envelope = try Envelope(bytes) { (scanner) throws(ScanError) in value = try parse(&scanner) }
                if let value { return .success((value, envelope)) }
                let reason = envelope.errorText.isEmpty ? "the answer has no data" : envelope.errorText
                return .failure(.api(APIError(status: 200, kind: envelope.errorType, message: reason)))
            } catch {
                return .failure(malformed(error))
            }
        }
        return try outcome.get()
    }

    /// The data of an envelope as a list of strings.
    func strings(_ body: [UInt8]) throws(ClientError) -> [String] {
        try read(body) { (scanner) throws(ScanError) in
            var result: [String] = []
            try scanner.array { (scanner) throws(ScanError) in result.append(try scanner.string()) }
            return result
        }.value
    }

    /// The data of an envelope as label sets.
    func labelSets(_ body: [UInt8]) throws(ClientError) -> [Labels] {
        try read(body) { (scanner) throws(ScanError) in
            var result: [Labels] = []
            var labels = LabelBytes()
            try scanner.array { (scanner) throws(ScanError) in result.append(try labels.read(&scanner)) }
            return result
        }.value
    }

    /// The data of an envelope as it is.
    func document(_ body: [UInt8]) throws(ClientError) -> JSONValue {
        let value = try parse(body)
        guard value["status"]?.string == "success" else {
            throw .api(
                APIError(
                    status: 200, kind: value["errorType"]?.string ?? "", message: value["error"]?.string ?? "no status")
            )
        }
        return value["data"] ?? .null
    }

    /// A whole body as JSON.
    func parse(_ body: [UInt8]) throws(ClientError) -> JSONValue {
        let parsed: Result<JSONValue, JSONError> = body.withUnsafeBytes { buffer in
            do throws(JSONError) { return .success(try JSONValue(parsing: buffer)) } catch { return .failure(error) }
        }
        switch parsed {
        case .success(let value): return value
        case .failure(let error): throw .malformed(server: server.address, reason: error.description)
        }
    }

    // MARK: errors

    func malformed(_ error: ScanError) -> ClientError {
        .malformed(server: server.address, reason: "\(error.reason) at byte \(error.offset)")
    }

    func translate(_ error: HTTPCallError) -> ClientError {
        switch error {
        case .unreachable(let reason), .other(let reason): .unreachable(server: server.address, reason: reason)
        case .timeout(let seconds): .timeout(server: server.address, seconds: seconds)
        case .tooLarge(let limit): .tooLarge(bytes: limit)
        case .cancelled: .cancelled
        }
    }

    /// What an answer that isn't 2xx stands for.
    func failure(status: Int, body: [UInt8]) -> ClientError {
        let text = String(decoding: body.prefix(2_000), as: UTF8.self).trimmedBlanks
        let envelope = body.withUnsafeBytes { bytes in
            try? Envelope(bytes) { (scanner) throws(ScanError) in try scanner.skip() }
        }
        let reason =
            envelope.map(\.errorText).flatMap { $0.isEmpty ? nil : $0 } ?? (text.isEmpty ? "no reason given" : text)
        if status == 401 || status == 403 {
            return .refused(server: server.address, status: status, reason: reason)
        }
        if let envelope, envelope.isError {
            return .api(APIError(status: status, kind: envelope.errorType, message: reason))
        }
        if status == 503 { return .unavailable(server: server.address, reason: reason) }
        // Where there is no such API at all, the text is some page's.
        if hasPlainErrors, status != 404, status != 405, !text.isEmpty, !text.hasPrefix("<") {
            return .api(APIError(status: status, kind: "", message: text))
        }
        return .malformed(server: server.address, reason: "HTTP status \(status): \(reason)")
    }
}
