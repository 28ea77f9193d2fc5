import Bedrock
import Formats
import Model
import Synchronization
import Transport

/// What a tail brings.
public enum LogTailEvent: Sendable {
    /// The server listens now: what is written from here on will come.
    case opened
    /// Entries as they were written, each stream's in order.
    case entries(LogTable)
    /// So many entries were left out, as this reader was too slow.
    case dropped(Int)
    /// Seconds between an entry's arrival at the server and its sending; not told by every server.
    case lag(Double)
}

extension LokiClient {
    /// Longest silence of a tail, in seconds; servers send comments more often than that.
    private static let tailSilenceMax = 60.0
    /// Events that wait for the reader. At more the call ends, and what is missing can be had by a query.
    private static let tailEventsMax = 1_000

    /// Follows what `query` selects as server-sent events. The sequence ends when the server ends it, and throws a `ClientError` otherwise;
    /// nothing reconnects by itself. Dropping it, or cancelling the task that reads, ends the call.
    /// - Parameter start: nanoseconds; stored entries since then come first. Nil leaves it to the server, which may go back an hour.
    public func tail(_ query: String, start: Int64? = nil) -> AsyncThrowingStream<LogTailEvent, any Error> {
        var parameters = [(name: "query", value: query)]
        if let start { parameters.append(("start", String(start))) }
        var headers = Self.exact
        headers.add("Accept", "text/event-stream")
        var call = exchange.prepared(
            exchange.call("/loki/api/v1/tail", parameters, headers: headers), timeout: .infinity)
        let (events, source) = AsyncThrowingStream.makeStream(
            of: LogTailEvent.self, bufferingPolicy: .bufferingOldest(Self.tailEventsMax))
        let reception = TailReception(source)
        let cancellation = Cancellation()
        call.cancellation = cancellation
        call.silenceSecondsMax = Self.tailSilenceMax
        call.receive = { status, piece in reception.take(status, piece) }
        source.onTermination = { _ in cancellation.cancel() }
        exchange.caller.send(call) { [exchange] result in
            switch result {
            case .success(let response):
                let failure = response.status / 100 == 2 ? nil : response.status
                guard let failure else { return source.finish() }
                source.finish(
                    throwing: exchange.failure(status: failure, body: reception.errorBody + response.body))
            case .failure(let error):
                source.finish(throwing: reception.problem.map(exchange.malformed) ?? exchange.translate(error))
            }
        }
        return events
    }
}

/// Takes in the body of a tail on the HTTP client's thread.
private final class TailReception: Sendable {
    private struct Contents {
        var parser = ServerSentEvents()
        var isOpen = false
        var errorBody: [UInt8] = []
        var problem: ScanError?
    }

    private let source: AsyncThrowingStream<LogTailEvent, any Error>.Continuation
    private let contents = Mutex(Contents())

    init(_ source: AsyncThrowingStream<LogTailEvent, any Error>.Continuation) { self.source = source }

    /// Of an answer that is an error.
    var errorBody: [UInt8] { contents.withLock { $0.errorBody } }
    /// Why the body could not be read.
    var problem: ScanError? { contents.withLock { $0.problem } }

    /// False ends the call.
    func take(_ status: Int, _ piece: UnsafeRawBufferPointer) -> Bool {
        contents.withLock { contents in
            guard status / 100 == 2 else {
                contents.errorBody.append(contentsOf: piece.prefix(max(0, 64 << 10 - contents.errorBody.count)))
                return true
            }
            if !contents.isOpen {
                contents.isOpen = true
                source.yield(.opened)
            }
            var found: [ServerSentEvents.Event] = []
            do throws(ServerSentEvents.TooLong) {
                try contents.parser.feed(piece) { found.append($0) }
            } catch {
                contents.problem = ScanError(
                    reason: "an event of over \(error.limit) bytes", offset: 0)
                return false
            }
            for event in found {
                do throws(ScanError) {
                    for told in try Self.events(event) {
                        if case .dropped = source.yield(told) { return false }
                    }
                } catch {
                    contents.problem = error
                    return false
                }
            }
            return true
        }
    }

    private static func events(_ event: ServerSentEvents.Event) throws(ScanError) -> [LogTailEvent] {
        let outcome: Result<[LogTailEvent], ScanError> = event.data.withUnsafeBytes { bytes in
            do throws(ScanError) {
                var scanner = JSONScanner(bytes)
                return .success(try LogAnswerParser.tailEvents(&scanner))
            } catch { return .failure(error) }
        }
        return try outcome.get()
    }
}
