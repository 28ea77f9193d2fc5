import Bedrock
import Formats
import Instruments
import Model
import Transport

/// One request of logs from its first byte to its answer, the same for every protocol over HTTP: origin, batch, decoding, sink, measures.
struct LogExchange {
    let context: LogReceiverContext
    let instruments: ReceiverInstruments
    /// Says a refusal in the words of the protocol.
    let refuse: @Sendable (_ status: Int, _ text: String, _ retryAfter: Int?) -> HTTPResponse

    /// - Parameters:
    ///   - decode: fills the batch.
    ///   - accept: the answer to what the sink took.
    func run(
        _ request: HTTPRequest, _ respond: @escaping @Sendable (HTTPResponse) -> Void,
        decode: (LogBatch) throws(LogRefusal) -> LogDecodeReport,
        accept: @escaping @Sendable (LogOutcome) -> HTTPResponse
    ) {
        let start = instruments.begin(bodyBytes: request.body.count)
        let (instruments, refuse) = (instruments, refuse)
        let answer: @Sendable (HTTPResponse, Int) -> Void = { response, stored in
            instruments.end(start, status: response.status, samplesStored: stored)
            respond(response)
        }
        let origin: BatchOrigin
        do throws(OriginError) { origin = try OriginHeaders.origin(request.headers) } catch {
            return answer(refuse(400, error.description, nil), 0)
        }
        let batch = context.pool.take()
        let report: LogDecodeReport
        do throws(LogRefusal) { report = try decode(batch) } catch {
            context.pool.give(batch)
            return answer(refuse(error.status, error.text, nil), 0)
        }
        context.write(batch, origin: origin, report: report, instruments: instruments) { result in
            switch result {
            case .success(let outcome): answer(accept(outcome), outcome.stored)
            case .failure(let error):
                let (status, seconds) = error.httpStatus
                answer(refuse(status, error.description, seconds), 0)
            }
        }
    }
}

extension HTTPHeaders {
    /// The media type of the body, in lower case and without parameters; empty when none is said.
    var mediaType: String {
        guard let type = self["Content-Type"] else { return "" }
        return String(type.prefix { $0 != ";" }).filter { $0 != " " && $0 != "\t" }.lowercased()
    }
}
