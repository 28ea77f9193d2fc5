import Bedrock
import LogQL
import Model
import Transport

extension QueryAPI {
    func lokiTailRoutes(_ logs: any LogSource) -> [HTTPRoute] {
        [
            tailRoute("/loki/api/v1/tail", logs) { $0.headers["Accept"]?.contains("text/event-stream") ?? false },
            tailRoute("/loki/api/v1/tail/sse", logs) { _ in true },
        ]
    }

    /// Follows a query: as a websocket where the client asks for one, else as an event stream where it takes one.
    private func tailRoute(
        _ path: String, _ logs: any LogSource, takesEvents: @escaping @Sendable (HTTPRequest) -> Bool
    ) -> HTTPRoute {
        HTTPRoute([.get], path) { [self] request, respond in
            guard dependencies.isReady() else { return respond(Self.notReady) }
            do {
                let tail = try TailRequest(request, lokiParameters(request), dependencies.tenant(request))
                guard let hub = tails else { throw LokiError(501, "this server sees no writes, so it can't tail") }
                if request.asksForWebSocket {
                    let opener = WebSocketTail { [self] socket in
                        do { try begin(tail, WebSocketOutlet(socket: socket), hub, logs) } catch {
                            socket.close(1008, reason: LokiError(error).text)
                        }
                    }
                    respond(.webSocket(request, opener))
                } else if takesEvents(request) {
                    let stream = HTTPBodyStream(
                        capacityBytes: 1 << 20, isEndless: true, clock: dependencies.clock)
                    try begin(tail, EventStreamOutlet(stream: stream), hub, logs)
                    let headers: HTTPHeaders = [
                        "Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no",
                    ]
                    respond(HTTPResponse(headers: headers, stream: stream))
                } else {
                    throw LokiError.badRequest("tail as a websocket, or as an event stream (Accept: text/event-stream)")
                }
            } catch {
                respond(LokiError(error).response)
            }
        }
    }

    private func begin(
        _ tail: TailRequest, _ outlet: any TailOutlet, _ hub: TailHub, _ logs: any LogSource
    ) throws {
        let now = dependencies.clock.monotonicNanoseconds()
        let client = TailClient(
            outlet, encoding: tail.encoding, delaySeconds: tail.delaySeconds, waitsForHistory: true,
            options: dependencies.logOptions, now: now)
        try hub.join(client, tenant: tail.tenant, tail.query)
        outlet.beat()
        // What is written from now on waits behind what is stored already.
        goOn { [self] in
            do {
                let (history, left) = try history(tail, logs, arrivedAt: now)
                client.release(history: history, dropped: left)
            } catch {
                // A tail that begins with a gap must not look whole: the client asks again.
                outlet.end("what is stored can't be read: \(LokiError(error).text)")
            }
            hub.wake()
        }
    }

    /// The newest entries since the tail's start, oldest first, as far as half a client's queue holds them; and how many did not fit.
    private func history(
        _ tail: TailRequest, _ logs: any LogSource, arrivedAt: UInt64
    ) throws -> (chunks: [TailChunk], left: Int) {
        let clock = dependencies.clock
        let deadline = clock.monotonicNanoseconds() &+ UInt64(options.timeoutSeconds * 1e9)
        let page = try logEngine.streams(
            tail.query, range: LogTimeRange(tail.start, .max), limit: tail.limit, direction: .backward, after: nil,
            source: logs, tenant: tail.tenant,
            cancellation: Cancellation(clock: clock, deadlineNanoseconds: deadline))
        let most = dependencies.logOptions
        var bytes = 0
        let kept = page.entries.prefix(most.tailEntriesMax / 2).prefix { entry in
            entry.withView { bytes += $0.line.count + $0.stream.count + $0.metadata.count + $0.parsed.count }
            return bytes <= most.tailBytesMax / 2
        }
        var builder = TailChunkBuilder(encoding: tail.encoding)
        var chunks: [TailChunk] = []
        for entry in kept.reversed() {
            entry.withView { builder.add($0) }
            if builder.isFull, let chunk = builder.finish(arrivedAt: arrivedAt) { chunks.append(chunk) }
        }
        if let chunk = builder.finish(arrivedAt: arrivedAt) { chunks.append(chunk) }
        return (chunks, page.entries.count - kept.count)
    }
}

/// What a tail asks for.
private struct TailRequest: Sendable {
    let tenant: Tenant
    let query: LogQuery
    /// Nanoseconds since the epoch.
    let start: Int64
    let limit: Int
    let delaySeconds: Int
    let encoding: LogValueEncoding

    init(_ request: HTTPRequest, _ parameters: LokiParameters, _ tenant: Tenant) throws {
        self.tenant = tenant
        query = try LokiCall.logQuery(parameters, for: "tails")
        limit = try parameters.entriesLimit()
        encoding = parameters.encoding
        let delayMax = parameters.options.tailDelaySecondsMax
        let delayText = parameters.text("delay_for")
        let delay = delayText.isEmpty ? 0 : try parameters.count("delay_for", otherwise: 0, least: 0)
        guard delay <= delayMax else {
            throw LokiError.badRequest("delay_for can't be greater than \(delayMax)")
        }
        delaySeconds = delay
        // A client that comes back says what it has seen; entries of that very time may come again.
        if let seen = request.headers["Last-Event-ID"].flatMap({ Int64($0) }) {
            start = seen
        } else {
            start = try parameters.range().start
        }
    }
}

/// Begins a tail once its websocket is open.
private struct WebSocketTail: WebSocketDelegate {
    let opened: @Sendable (WebSocket) -> Void

    func webSocketOpened(_ socket: WebSocket) { opened(socket) }

    func webSocketClosed(_ socket: WebSocket, code: UInt16, reason: String) {}
}
