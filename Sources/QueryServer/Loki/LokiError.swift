import Bedrock
import LogQL
import Model
import Transport

/// An error as the Loki API sends it: a status and plain text.
struct LokiError: Error, Equatable {
    let status: Int
    let text: String

    init(_ status: Int, _ text: String) {
        self.status = status
        self.text = text
    }

    static func badRequest(_ text: String) -> LokiError { LokiError(400, text) }

    /// What parameters, evaluation or a source threw.
    init(_ error: any Error) {
        switch error {
        case let error as LokiError: self = error
        case let error as LogQLError: self.init(400, error.description)
        case let error as PipelineError: self.init(400, error.description)
        case let error as LogQLQueryError:
            switch error {
            case .execution, .tooManySamples: self.init(400, error.description)
            case .cancelled(let why): self.init(why)
            case .storage(let why): self.init(500, "\(why)")
            }
        case let error as Cancelled:
            self =
                switch error {
                case .byCaller: LokiError(499, "The request was cancelled by the client.")
                case .deadline:
                    LokiError(
                        504,
                        "Request timed out, decrease the duration of the request or add more label matchers (prefer exact match over regex match) to reduce the amount of data processed."
                    )
                }
        case let error as QueryBudget.Exceeded: self.init(400, error.description)
        case let error as APIError: self.init(error.status, error.text)
        default: self.init(500, "\(error)")
        }
    }

    var response: HTTPResponse {
        HTTPResponse(status: status, contentType: "text/plain; charset=utf-8", text + "\n")
    }
}
