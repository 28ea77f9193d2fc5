import Formats
import PromQL
import Transport

/// Remarks that go with an answer.
struct Remarks {
    private static let shownMax = 10

    var warnings: [String] = []
    var infos: [String] = []

    init(warnings: [String] = [], infos: [String] = []) {
        self.warnings = warnings
        self.infos = infos
    }

    /// Those of a query, with their positions in its text.
    init(_ result: QueryResult, query: String) {
        warnings = result.warnings.map { $0.text(in: query) }
        infos = result.infos.map { $0.text(in: query) }
    }

    /// Cuts `list` to `limit` entries (0: all of them), with a warning when that took some away.
    mutating func truncate<Element>(_ list: inout [Element], to limit: Int) {
        guard limit > 0, list.count > limit else { return }
        list.removeLast(list.count - limit)
        warnings.append("results truncated due to limit")
    }

    func write(to writer: inout JSONWriter) {
        Self.write("warnings", "warning", warnings, to: &writer)
        Self.write("infos", "info", infos, to: &writer)
    }

    private static func write(
        _ key: StaticString, _ noun: String, _ texts: [String], to writer: inout JSONWriter
    ) {
        guard !texts.isEmpty else { return }
        writer.key(key)
        writer.beginArray()
        for text in texts.prefix(shownMax) { writer.string(text) }
        if texts.count > shownMax { writer.string("\(texts.count - shownMax) more \(noun) annotations omitted") }
        writer.endArray()
    }
}

/// The envelope of every successful answer.
enum Envelope {
    /// - Parameter data: writes one JSON value and returns what is to be remarked on it.
    static func success(
        capacity: Int = 1024, _ data: (inout JSONWriter) throws -> Remarks
    ) throws -> HTTPResponse {
        var writer = JSONWriter(capacity: capacity)
        writer.beginObject()
        writer.key("status")
        writer.string("success")
        writer.key("data")
        let remarks = try data(&writer)
        remarks.write(to: &writer)
        writer.endObject()
        return HTTPResponse(status: 200, headers: ["Content-Type": "application/json"], body: writer.finish())
    }
}

extension JSONWriter {
    mutating func member(_ key: StaticString, _ text: String) {
        self.key(key)
        string(text)
    }

    mutating func member(_ key: StaticString, _ number: Int) {
        self.key(key)
        integer(number)
    }

    mutating func member(_ key: StaticString, _ number: Double) {
        self.key(key)
        self.number(number)
    }

    mutating func strings(_ texts: [String]) {
        beginArray()
        for text in texts { string(text) }
        endArray()
    }
}
