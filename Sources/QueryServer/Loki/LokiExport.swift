import Bedrock
import Formats
import LogQL
import Model
import Synchronization
import Transport

extension QueryAPI {
    /// `GET /loki/api/v1/export`: all entries of a query as lines of JSON, however many there are.
    ///
    /// Every entry is a line; after each page a line `{"cursor":…,"count":…}` says where to go on and how many entries there have been,
    /// over all requests that led here; the last line is `{"end":true,"count":…}`. Without it the export is not whole. `damagedBlocks` in such a
    /// line says that damage hides rows of that page.
    func lokiExportRoutes(_ logs: any LogSource) -> [HTTPRoute] {
        [
            HTTPRoute([.get, .post], "/loki/api/v1/export") { [self] request, respond in
                guard dependencies.isReady() else { return respond(Self.notReady) }
                do {
                    let export = try LogExport(self, logs, request)
                    respond(export.response)
                    export.goOn()
                } catch {
                    respond(LokiError(error).response)
                }
            }
        ]
    }
}

/// An export on its way: page by page, as the client takes them; a slow one holds no thread. Kept alive by what it waits for.
private final class LogExport: Sendable {
    private static let pieceBytesMax = 256 << 10
    private static let streamBytes = 1 << 20

    private struct State {
        var cursor: LogCursor?
        /// Entries so far, those before the cursor that the client came with included.
        var count: Int
        /// What the stream has not had room for.
        var pieces: ArraySlice<[UInt8]> = []
        var isLastPage = false
    }

    private let api: QueryAPI
    private let logs: any LogSource
    private let tenant: Tenant
    private let query: LogQuery
    private let range: LogTimeRange
    private let isExact: Bool
    private let cancellation: Cancellation
    private let stream: HTTPBodyStream
    private let state: Mutex<State>

    init(_ api: QueryAPI, _ logs: any LogSource, _ request: HTTPRequest) throws {
        let parameters = api.lokiParameters(request)
        let (query, range, exact) = try Self.read(parameters)
        let start = try Self.place(parameters.text("cursor"))
        let options = api.dependencies.logOptions
        guard api.exportCount.add(1, ordering: .relaxed).newValue <= options.exportsMax else {
            api.exportCount.subtract(1, ordering: .relaxed)
            throw LokiError(429, "\(options.exportsMax) exports are under way; try again later")
        }
        self.api = api
        self.logs = logs
        self.query = query
        self.range = range
        isExact = exact
        tenant = api.dependencies.tenant(request)
        cancellation = request.cancellation
        stream = HTTPBodyStream(capacityBytes: Self.streamBytes, clock: api.dependencies.clock)
        state = Mutex(State(cursor: start?.cursor, count: start?.count ?? 0))
    }

    deinit {
        api.exportCount.subtract(1, ordering: .relaxed)
        // The server let go of it amid its work.
        if stream.state == .open { stream.fail() }
    }

    var response: HTTPResponse {
        HTTPResponse(headers: ["Content-Type": "application/x-ndjson; charset=utf-8"], stream: stream)
    }

    private static func read(_ parameters: LokiParameters) throws -> (LogQuery, LogTimeRange, Bool) {
        let query = try LokiCall.logQuery(parameters, for: "exports")
        let end = try parameters.time("end") ?? parameters.now
        let range =
            parameters.text("since").isEmpty
            ? LogTimeRange(try parameters.time("start") ?? .min, end) : try parameters.range()
        guard range.start < range.end else {
            throw LokiError.badRequest("end timestamp must not be before or equal to start time")
        }
        switch parameters.text("encoding") {
        case "", "utf8": return (query, range, false)
        case "base64": return (query, range, true)
        default: throw LokiError.badRequest("invalid encoding: it is utf8 or base64")
        }
    }

    /// A cursor of an export is how many entries lie before it, and where the query goes on.
    private static func place(_ text: String) throws -> (cursor: LogCursor, count: Int)? {
        if text.isEmpty { return nil }
        let parts = text.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let count = Int(parts[0]), count >= 0, let cursor = LogCursor(String(parts[1])) else {
            throw LokiError.badRequest("invalid cursor: take it from a line of an export, unchanged")
        }
        return (cursor, count)
    }

    /// Does the next part on a query thread.
    func goOn() { api.goOn { self.step() } }

    private func step() {
        guard stream.state == .open else { return }
        let hasPieces = state.withLock { !$0.pieces.isEmpty }
        if !hasPieces {
            if state.withLock({ $0.isLastPage }) { return stream.finish() }
            do { try readPage() } catch { return tell(error) }
        }
        while let piece = state.withLock({ $0.pieces.first }) {
            guard stream.offer(piece) else { break }
            state.withLock { $0.pieces = $0.pieces.dropFirst() }
        }
        // A page ahead at most: the next one is read when half of what is buffered has gone.
        stream.whenRoom(for: state.withLock { $0.pieces.first?.count ?? 0 }) { self.goOn() }
    }

    /// What goes wrong amid an answer is said in a line of it; the end mark is missing then.
    private func tell(_ error: any Error) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("error", LokiError(error).text)
        writer.endObject()
        _ = stream.offer(writer.finish() + [10])
        stream.finish()
    }

    private func readPage() throws {
        let options = api.dependencies.logOptions
        let clock = api.dependencies.clock
        let pageEnd = clock.monotonicNanoseconds() &+ UInt64(api.options.timeoutSeconds * 1e9)
        let (cursor, before) = state.withLock { ($0.cursor, $0.count) }
        let page = try api.logEngine.streams(
            query, range: range, limit: options.exportPageRows, direction: .forward, after: cursor, source: logs,
            tenant: tenant,
            cancellation: Cancellation(clock: clock, deadlineNanoseconds: pageEnd, parent: cancellation))
        var pieces: [[UInt8]] = []
        var writer = JSONWriter(capacity: Self.pieceBytesMax + 4096)
        var piece = ByteBuffer(capacity: Self.pieceBytesMax + 4096)
        for entry in page.entries {
            writer.clear()
            entry.withView { writer.exported($0, isExact: isExact) }
            piece.append(writer.buffer.bytes)
            piece.append(UInt8(10))
            guard piece.count >= Self.pieceBytesMax else { continue }
            pieces.append(piece.array())
            piece.clear()
        }
        let count = before + page.entries.count
        writer.clear()
        writer.beginObject()
        if let next = page.next {
            writer.member("cursor", "\(count):\(next)")
        } else {
            writer.key("end")
            writer.bool(true)
        }
        writer.member("count", count)
        // Rows of these are missing from the page.
        let damaged = page.statistics.damagedBlocks
        if damaged > 0 { writer.member("damagedBlocks", damaged) }
        writer.endObject()
        piece.append(writer.buffer.bytes)
        piece.append(UInt8(10))
        pieces.append(piece.array())
        let isLast = page.next == nil
        let all = pieces
        state.withLock { state in
            state.cursor = page.next
            state.count = count
            state.pieces = all[...]
            state.isLastPage = isLast
        }
    }
}

extension JSONWriter {
    /// One entry as a line of an export.
    fileprivate mutating func exported(_ entry: LogEntryView, isExact: Bool) {
        beginObject()
        key("timestamp")
        quotedInteger(entry.timestamp)
        key("stream")
        labels(canonical: entry.stream)
        category("structuredMetadata", entry.metadata)
        category("parsed", entry.parsed)
        key("line")
        if isExact, !UTF8Text.isValid(entry.line) {
            beginObject()
            key("base64")
            base64(entry.line)
            endObject()
        } else {
            string(entry.line)
        }
        endObject()
    }
}
