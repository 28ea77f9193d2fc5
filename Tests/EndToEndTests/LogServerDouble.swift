import Foundation
import Synchronization
import Transport

/// A server of one log stream, scripted: what obsq does with answers, broken connections and odd bytes is tested against it.
final class LogServerDouble: Sendable {
    struct Entry {
        var time: Int64
        var line: [UInt8]
        /// JSON of the third element of a value.
        var categories = "{}"

        init(_ time: Int64, _ line: String, _ categories: String = "{}") {
            self.time = time
            self.line = Array(line.utf8)
            self.categories = categories
        }
    }

    struct State {
        var entries: [Entry] = []
        /// Entries a page holds; pages go on by cursors. Nil: as many as are asked for, without cursors.
        var pageRows: Int?
        /// Bodies of tails, in order; each is sent, and the connection ended, but for the last one's.
        var tails: [String] = []
        var tailCount = 0
        var requests: [(path: String, parameters: [String: String])] = []
        var failure: (status: Int, text: String)?
        var damagedBlocks = 0
        /// Answers of metric queries and other pages, by the end of their path.
        var documents: [String: String] = [:]
        /// Held, so that streams stay open.
        var streams: [HTTPBodyStream] = []
    }

    static let labels = "{\"app\":\"shop\",\"pod\":\"p-1\"}"
    /// A filter that entries whose line contains `hit` pass.
    static let filter = "{app=\"shop\"} |= \"hit\""

    let state: Mutex<State>
    private let server = Mutex<HTTPServer?>(nil)

    init(_ state: State) throws {
        self.state = Mutex(state)
        let server = HTTPServer(
            HTTPServerOptions(),
            routes: [
                HTTPRoute([.get, .post], "/loki/api/v1/query_range") { [weak self] request, respond in
                    respond(self?.answer(request) ?? HTTPResponse(status: 500))
                },
                HTTPRoute([.get], "/loki/api/v1/tail") { [weak self] request, respond in
                    respond(self?.tail(request) ?? HTTPResponse(status: 500))
                },
                HTTPRoute([.get, .post], "/loki/api/v1/*") { [weak self] request, respond in
                    respond(self?.document(request) ?? HTTPResponse(status: 500))
                },
            ])
        try server.start()
        self.server.withLock { $0 = server }
    }

    deinit {
        for stream in state.withLock({ $0.streams }) { stream.fail() }
        _ = server.withLock { $0?.shutdown(deadlineSeconds: 0) }
    }

    var url: String { server.withLock { $0?.url ?? "" } }
    var requests: [(path: String, parameters: [String: String])] { state.withLock { $0.requests } }

    /// obsq against this server.
    func obsq(_ arguments: [String], seconds: Double = 30) throws -> Finished {
        try run(Programs.obsq, arguments + ["--server", url], seconds: seconds)
    }

    private func note(_ request: HTTPRequest) -> State {
        let parameters = Dictionary(request.parameters.map { ($0.name, $0.value) }) { first, _ in first }
        return state.withLock { state in
            state.requests.append((request.path, parameters))
            return state
        }
    }

    private func document(_ request: HTTPRequest) -> HTTPResponse {
        let state = note(request)
        if let failure = state.failure {
            return HTTPResponse(status: failure.status, contentType: "text/plain", failure.text)
        }
        guard let text = state.documents.first(where: { request.path.hasSuffix($0.key) })?.value else {
            return HTTPResponse(status: 404, contentType: "text/plain", "404 page not found")
        }
        return HTTPResponse(contentType: "application/json", "{\"status\":\"success\",\"data\":\(text)}")
    }

    private func answer(_ request: HTTPRequest) -> HTTPResponse {
        let query = request.parameter("query") ?? ""
        if !query.hasPrefix("{") { return document(request) }
        let state = note(request)
        if let failure = state.failure {
            return HTTPResponse(status: failure.status, contentType: "text/plain", failure.text)
        }
        let start = Int64(request.parameter("start") ?? "") ?? .min
        let end = Int64(request.parameter("end") ?? "") ?? .max
        let limit = Int(request.parameter("limit") ?? "") ?? 100
        let first = Int(request.parameter("cursor") ?? "") ?? 0
        var entries = state.entries.filter { $0.time >= start && $0.time < end }
        if query.contains("|= \"hit\"") {
            entries.removeAll { !String(decoding: $0.line, as: UTF8.self).contains("hit") }
        }
        if request.parameter("direction") != "forward" { entries.reverse() }
        let shown = entries.dropFirst(first).prefix(min(limit, state.pageRows ?? .max))
        let isLast = state.pageRows == nil || first + shown.count == entries.count
        let cursor = isLast ? "null" : "\"\(first + shown.count)\""
        var body = Array("{\"status\":\"success\",\"data\":{\"resultType\":\"streams\",\"result\":".utf8)
        body += Self.streams(Array(shown))
        body += Array(
            ",\"cursor\":\(cursor),\"stats\":{\"summary\":{\"totalLinesProcessed\":\(entries.count),\"totalBytesProcessed\":2048,\"execTime\":0.25},\"index\":{\"totalChunks\":8,\"postFilterChunks\":2},\"segments\":3,\"damagedBlocks\":\(state.damagedBlocks)}}}"
                .utf8)
        return HTTPResponse(status: 200, headers: ["Content-Type": "application/json"], body: body)
    }

    static func streams(_ entries: [Entry]) -> [UInt8] {
        if entries.isEmpty { return Array("[]".utf8) }
        var out = Array("[{\"stream\":\(labels),\"values\":[".utf8)
        for (index, entry) in entries.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            out += Array("[\"\(entry.time)\",\"".utf8)
            for byte in entry.line {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { out.append(UInt8(ascii: "\\")) }
                out.append(byte)
            }
            out += Array("\",\(entry.categories)]".utf8)
        }
        return out + Array("]}]".utf8)
    }

    /// One message of a tail.
    static func event(_ entries: [Entry]) -> String {
        "data: {\"streams\":" + String(decoding: streams(entries), as: UTF8.self) + "}\n\n"
    }

    private func tail(_ request: HTTPRequest) -> HTTPResponse {
        _ = note(request)
        let stream = HTTPBodyStream(isEndless: true)
        let (body, isLast) = state.withLock { state in
            let number = min(state.tailCount, state.tails.count - 1)
            state.tailCount += 1
            state.streams.append(stream)
            return (state.tails[number], number == state.tails.count - 1)
        }
        _ = stream.offer(Array(body.utf8))
        if !isLast { stream.finish() }
        return HTTPResponse(headers: ["Content-Type": "text/event-stream"], stream: stream)
    }
}
