import Formats
import Transport

/// How OTLP over HTTP is answered, whatever the signal: in the encoding of the request.
struct OTLPAnswer: Sendable {
    let signal: OTLPResponse.Signal
    let isJSON: Bool

    init(_ signal: OTLPResponse.Signal, to request: HTTPRequest) {
        self.signal = signal
        isJSON = request.headers.mediaType == "application/json"
    }

    /// What a request's content type is refused with (415); nil when it is one of OTLP's. Without one it is protobuf.
    static func unsupported(_ request: HTTPRequest) -> String? {
        switch request.headers.mediaType {
        case "application/json", "application/x-protobuf", "": nil
        case let type: "OTLP needs Content-Type application/x-protobuf or application/json, not \(type)"
        }
    }

    private var mediaType: String { isJSON ? "application/json" : "application/x-protobuf" }

    /// 200; with `refused` items or a message it is a partial success.
    func taken(refused: Int, message: String) -> HTTPResponse {
        let body =
            isJSON
            ? OTLPResponse.json(signal, rejected: refused, message: message)
            : OTLPResponse.protobuf(rejected: refused, message: message)
        return HTTPResponse(status: 200, headers: ["Content-Type": mediaType], body: body)
    }

    /// `google.rpc.Status`, its code the one that gRPC has for the HTTP status.
    func refusal(_ status: Int, _ text: String, retryAfter: Int?) -> HTTPResponse {
        let code =
            switch status {
            case 400, 415: 3
            case 413, 429: 8
            default: 14
            }
        let body =
            isJSON
            ? OTLPResponse.statusJSON(code: code, message: text) : OTLPResponse.status(code: code, message: text)
        var response = HTTPResponse(status: status, headers: ["Content-Type": mediaType], body: body)
        if let retryAfter { response.headers["Retry-After"] = String(max(retryAfter, 1)) }
        return response
    }
}
