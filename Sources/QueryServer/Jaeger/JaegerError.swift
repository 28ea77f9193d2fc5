import Bedrock
import Formats
import Model
import Transport

/// An error as Jaeger's query API sends it: in the envelope, with the status as its code.
struct JaegerError: Error, Equatable {
    let status: Int
    let text: String

    init(_ status: Int, _ text: String) {
        self.status = status
        self.text = text
    }

    static func badRequest(_ text: String) -> JaegerError { JaegerError(400, text) }

    /// What parameters or a source threw.
    init(_ error: any Error) {
        switch error {
        case let error as JaegerError: self = error
        case let error as Cancelled: self.init(error == .deadline ? 504 : 499, error.description)
        case let error as QueryBudget.Exceeded: self.init(422, error.description)
        case let error as APIError: self.init(error.status, error.text)
        default: self.init(500, "\(error)")
        }
    }

    var response: HTTPResponse {
        var writer = JSONWriter(capacity: 256)
        writer.jaegerEnvelope(total: 0, errors: [self]) { $0.null() }
        return HTTPResponse(status: status, headers: ["Content-Type": "application/json"], body: writer.finish())
    }
}

extension JSONWriter {
    /// `{"data":…,"total":n,"limit":0,"offset":0,"errors":null}`.
    mutating func jaegerEnvelope(
        total: Int, errors: [JaegerError] = [], _ data: (inout JSONWriter) throws -> Void
    ) rethrows {
        beginObject()
        key("data")
        try data(&self)
        member("total", total)
        member("limit", 0)
        member("offset", 0)
        key("errors")
        if errors.isEmpty {
            null()
        } else {
            beginArray()
            for error in errors {
                beginObject()
                member("code", error.status)
                member("msg", error.text)
                endObject()
            }
            endArray()
        }
        endObject()
    }
}
