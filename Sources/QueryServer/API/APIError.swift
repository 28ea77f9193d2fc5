import PromQL
import Transport

/// An error as the Prometheus API sends it.
struct APIError: Error, Equatable {
    enum Kind: String {
        case badData = "bad_data"
        case execution
        case canceled
        case timeout
        case `internal`
        case notFound = "not_found"
        case unavailable
    }

    let kind: Kind
    let text: String

    init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }

    static func badData(_ text: String) -> APIError { APIError(.badData, text) }

    /// A parameter that can't be understood.
    static func parameter(_ name: String, _ why: String) -> APIError {
        APIError(.badData, "invalid parameter \"\(name)\": \(why)")
    }

    /// What evaluation or a source threw.
    init(_ error: any Error) {
        switch error {
        case let error as APIError: self = error
        case let error as QueryError: self.init(error)
        default: self.init(QueryError(error))
        }
    }

    init(_ error: QueryError) {
        kind =
            switch error {
            case .execution, .tooManySamples: .execution
            case .timeout: .timeout
            case .cancelled: .canceled
            case .storage: .internal
            }
        text = error.description
    }

    var status: Int {
        switch kind {
        case .badData: 400
        case .execution: 422
        case .canceled: 499
        case .timeout, .unavailable: 503
        case .internal: 500
        case .notFound: 404
        }
    }

    var response: HTTPResponse { .error(status, kind.rawValue, text) }
}
