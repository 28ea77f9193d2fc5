import Formats
import Transport

/// The parameters and headers with which VictoriaLogs' clients say which fields of a document are its time, line and stream.
enum LogQueryFields {
    static func apply(_ request: HTTPRequest, to fields: inout DocumentFields) {
        if let names = names(request, "_time_field", "VL-Time-Field") { fields.time = names }
        if let names = names(request, "_msg_field", "VL-Msg-Field") { fields.message = names }
        if let names = names(request, "_stream_fields", "VL-Stream-Fields") { fields.stream = names }
    }

    /// A list separated by commas.
    private static func names(_ request: HTTPRequest, _ parameter: String, _ header: String) -> [String]? {
        guard let text = request.parameter(parameter) ?? request.headers[header], !text.isEmpty else { return nil }
        return text.split(separator: ",").map { String($0.filter { $0 != " " }) }
    }
}
