/// A request that is answered without reaching a route.
struct Refusal: Error, Equatable {
    var status: Int
    var type: String
    var text: String
    var headers = HTTPHeaders()
    /// Whether the rest of the connection can't be trusted to be another request.
    var mustClose = false

    var response: HTTPResponse {
        var response = status == 204 ? HTTPResponse(status: status) : .error(status, type, text)
        for (name, value) in headers.fields { response.headers.add(name, value) }
        return response
    }

    /// Text that is not HTTP as the standard has it; the connection ends.
    static func malformed(_ text: String) -> Refusal {
        Refusal(status: 400, type: "bad_data", text: text, mustClose: true)
    }

    static func badData(_ text: String) -> Refusal { Refusal(status: 400, type: "bad_data", text: text) }

    static func tooLarge(limit: Int) -> Refusal {
        Refusal(status: 413, type: "too_large", text: "request body is over \(limit) bytes")
    }

    static func overloaded(_ text: String, retryAfterSeconds: Int) -> Refusal {
        Refusal(
            status: 503, type: "unavailable", text: text, headers: ["Retry-After": String(retryAfterSeconds)])
    }
}
