import Model
import Transport

/// How writes are answered, with a readable text as remote write asks for it.
enum WriteAnswer {
    /// For a batch that the sink took, possibly without some of its samples.
    ///
    /// - Parameter refusedBefore: samples that were left out before the sink saw the batch, and why the first of them.
    static func taken(_ receipt: WriteReceipt, refusedBefore: (samples: Int, first: String?) = (0, nil)) -> HTTPResponse
    {
        let refused = receipt.rejected + refusedBefore.samples
        guard refused > 0 else { return HTTPResponse(status: 204) }
        // Retrying would fail again, so it is a 400 although the rest is stored.
        let reason = refusedBefore.first ?? receipt.firstRejection ?? "no reason given"
        var response = text(400, "\(refused) samples were refused, \(receipt.accepted) stored. The first: \(reason)")
        // Remote write 2.0's header, in answers to 1.0 as well: it tells a sender that only the others are lost.
        response.headers["X-Prometheus-Remote-Write-Samples-Written"] = String(receipt.accepted)
        return response
    }

    static func refused(_ error: WriteError) -> HTTPResponse {
        let (status, seconds) = error.httpStatus
        return text(status, error.description, retryAfter: seconds)
    }

    static func text(_ status: Int, _ text: String, retryAfter: Int? = nil) -> HTTPResponse {
        var response = HTTPResponse(status: status, contentType: "text/plain; charset=utf-8", text + "\n")
        if let retryAfter { response.headers["Retry-After"] = String(max(retryAfter, 1)) }
        return response
    }
}

extension WriteError {
    /// The HTTP status that says it, and after how many seconds to try again.
    var httpStatus: (code: Int, retryAfter: Int?) {
        switch self {
        case .invalid: (400, nil)
        case .tooLarge: (413, nil)
        case .tenantLimit(_, let seconds): (429, seconds)
        case .overloaded(_, let seconds): (503, seconds)
        case .diskFull, .unavailable: (503, 5)
        }
    }
}
