import Bedrock
import Model
import TraceQL
import Transport

/// An error as the Tempo API sends it: a status and plain text.
struct TempoError: Error, Equatable {
    let status: Int
    let text: String

    init(_ status: Int, _ text: String) {
        self.status = status
        self.text = text
    }

    static func badRequest(_ text: String) -> TempoError { TempoError(400, text) }

    /// What parameters, evaluation or a source threw.
    init(_ error: any Error) {
        switch error {
        case let error as TempoError: self = error
        case let error as TraceQLError: self.init(400, error.description)
        case let error as TraceQLQueryError:
            switch error {
            case .execution: self.init(400, error.description)
            case .tooManySpans: self.init(422, error.description)
            case .cancelled(let why): self.init(why)
            case .storage(let why): self.init(500, "\(why)")
            }
        case let error as Cancelled: self.init(error == .deadline ? 504 : 499, error.description)
        case let error as QueryBudget.Exceeded: self.init(422, error.description)
        case let error as APIError: self.init(error.status, error.text)
        default: self.init(500, "\(error)")
        }
    }

    var response: HTTPResponse {
        HTTPResponse(status: status, contentType: "text/plain; charset=utf-8", text + "\n")
    }
}
