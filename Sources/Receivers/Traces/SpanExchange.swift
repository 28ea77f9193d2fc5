import Formats
import Model
import Transport

/// One request of spans from its first byte to its answer, the same for every protocol over HTTP: origin, batch, decoding, sink, measures.
struct SpanExchange {
    let context: SpanReceiverContext
    let instruments: ReceiverInstruments
    /// Says a refusal in the words of the protocol.
    let refuse: @Sendable (_ status: Int, _ text: String, _ retryAfter: Int?) -> HTTPResponse

    /// - Parameters:
    ///   - decode: fills the batch.
    ///   - accept: the answer to what the sink took.
    func run(
        _ request: HTTPRequest, _ respond: @escaping @Sendable (HTTPResponse) -> Void,
        decode: (SpanBatch) throws(SpanRefusal) -> SpanDecodeReport,
        accept: @escaping @Sendable (SpanOutcome) -> HTTPResponse
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
        let report: SpanDecodeReport
        do throws(SpanRefusal) { report = try decode(batch) } catch {
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

extension SpanReceiverContext {
    /// Hands a decoded batch to the sink, within the memory allowed, and gives it back to the pool.
    ///
    /// - Parameter answer: called once, from any thread.
    func write(
        _ batch: SpanBatch, origin: BatchOrigin, report: SpanDecodeReport, instruments: ReceiverInstruments,
        answer: @escaping @Sendable (Result<SpanOutcome, WriteError>) -> Void
    ) {
        let finish: @Sendable (WriteReceipt) -> Void = { receipt in
            // Only for requests that are answered for good: what is retried isn't lost yet.
            for reason in SpanRejection.allCases { instruments.lost(report.rejected(reason), reason.rawValue) }
            answer(
                .success(
                    SpanOutcome(
                        stored: receipt.accepted, refused: receipt.rejected + report.rejectedTotal,
                        firstRefusal: report.firstRejection ?? receipt.firstRejection)))
        }
        if batch.isEmpty {
            pool.give(batch)
            return finish(WriteReceipt(accepted: 0))
        }
        let bytes = batch.byteCount
        guard memory.tryGrow(by: bytes) else {
            pool.give(batch)
            return answer(.failure(.overloaded("too many writes are being worked on", retryAfterSeconds: 1)))
        }
        sink.write(batch, origin: origin) { [memory, pool] result in
            memory.shrink(by: bytes)
            pool.give(batch)
            switch result {
            case .success(let receipt): finish(receipt)
            case .failure(let error): answer(.failure(error))
            }
        }
    }
}
