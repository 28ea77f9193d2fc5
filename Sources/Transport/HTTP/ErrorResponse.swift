extension HTTPResponse {
    /// The JSON envelope that every API of the house answers errors with:
    /// `{"status":"error","errorType":…,"error":…}`.
    public static func error(_ status: Int, _ type: String, _ text: String) -> HTTPResponse {
        HTTPResponse(
            status: status, contentType: "application/json",
            "{\"status\":\"error\",\"errorType\":\"" + jsonEscaped(type) + "\",\"error\":\"" + jsonEscaped(text) + "\"}"
        )
    }
}

/// `text` as the inside of a JSON string; for error texts, not for data.
func jsonEscaped(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": out += "\\\""
        case "\\": out += "\\\\"
        case "\n": out += "\\n"
        case "\r": out += "\\r"
        case "\t": out += "\\t"
        default:
            if scalar.value < 0x20 {
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            } else {
                out.unicodeScalars.append(scalar)
            }
        }
    }
    return out
}
