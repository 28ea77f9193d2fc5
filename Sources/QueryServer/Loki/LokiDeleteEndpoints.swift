import Formats
import LogQL
import Model
import Transport

extension QueryAPI {
    func lokiDeleteRoutes() -> [HTTPRoute] {
        guard let deletions = dependencies.deletions else { return [] }
        let path = "/loki/api/v1/delete"
        return [
            HTTPRoute([.post, .put], path) { [self] request, respond in
                guard dependencies.isReady() else { return respond(Self.notReady) }
                do { try delete(request, deletions, respond) } catch { respond(LokiError(error).response) }
            },
            readingPlain([.get], path, errors: Self.lokiErrors) { call in
                var writer = JSONWriter()
                writer.beginArray()
                for deletion in deletions.requests(tenant: call.tenant) { writer.deletion(deletion) }
                writer.endArray()
                return Self.json(&writer)
            },
            readingPlain([.delete], path, errors: Self.lokiErrors) { call in
                let id = call.parameters.text("request_id")
                guard !id.isEmpty else { throw LokiError.badRequest("request_id not set") }
                switch deletions.cancel(tenant: call.tenant, id: id) {
                case .none: throw LokiError(404, "could not find delete request with given id")
                case .some(false):
                    throw LokiError.badRequest(
                        "deletion of request which is in process or already processed is not allowed")
                case .some(true): return HTTPResponse(status: 204)
                }
            },
        ]
    }

    private func delete(
        _ request: HTTPRequest, _ deletions: any LogDeletions, _ respond: @escaping @Sendable (HTTPResponse) -> Void
    ) throws {
        let parameters = lokiParameters(request)
        let text = parameters.text("query")
        guard !text.isEmpty else { throw LokiError.badRequest("query not set") }
        guard let start = try parameters.time("start") else { throw LokiError.badRequest("start time not set") }
        let end = try parameters.time("end") ?? parameters.now
        guard end <= parameters.now else { throw LokiError.badRequest("deletes in the future are not allowed") }
        guard start < end else {
            throw LokiError.badRequest("start time can't be greater than or equal to end time")
        }
        let query = try LokiCall.logQuery(text, for: "deletions")
        guard let conditions = try query.rowConditions() else {
            throw LokiError.badRequest(
                "only line filters and filters on structured metadata say what to delete, not other stages")
        }
        deletions.request(
            tenant: dependencies.tenant(request), matchers: query.matchers, range: LogTimeRange(start, end),
            filters: conditions.filters, metadataMatchers: conditions.metadata
        ) { result in
            switch result {
            case .success(let id): respond(Self.receipt(id))
            case .failure(let error): respond(LokiError(error).response)
            }
        }
    }

    /// What tells the one who asked under which id the deletion goes.
    private static func receipt(_ id: String) -> HTTPResponse {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("request_id", id)
        writer.member("status", LogDeletion.State.hidden.rawValue)
        writer.endObject()
        return json(&writer)
    }
}

extension JSONWriter {
    fileprivate mutating func deletion(_ deletion: LogDeletion) {
        beginObject()
        member("request_id", deletion.id)
        key("start_time")
        seconds(milliseconds: deletion.range.start / 1_000_000)
        key("end_time")
        seconds(milliseconds: deletion.range.end / 1_000_000)
        member("query", deletion.query)
        member("status", deletion.state.rawValue)
        member("state", deletion.state.name)
        key("created_at")
        seconds(milliseconds: deletion.createdAt)
        endObject()
    }
}

extension LogDeletion.State {
    /// What is true of the bytes; `rawValue` is Loki's word for it.
    fileprivate var name: String {
        switch self {
        case .received: "received"
        case .hidden: "hidden"
        case .gone: "gone"
        }
    }
}
