import Bedrock
import Formats
import Foundation
import Transport

/// One blocking exchange after another over the house's own client.
enum HTTP {
    private static let client = HTTPClient()

    static func exchange(
        _ method: String, _ url: String, body: Data = Data(), headers: [String: String] = [:], seconds: Double = 30
    ) throws -> (status: Int, body: String) {
        var fields = HTTPHeaders()
        for (name, value) in headers { fields.add(name, value) }
        let call = HTTPCall(
            HTTPMethod(rawValue: method) ?? .get, url, headers: fields, body: Array(body), timeoutSeconds: seconds)
        let response = try client.call(call)
        return (response.status, String(decoding: response.body, as: UTF8.self))
    }

    /// The value of an instant query that has one series or is a scalar.
    static func value(_ url: String, _ query: String, time: String? = nil) throws -> Double? {
        var parameters = [(name: "query", value: query)]
        if let time { parameters.append((name: "time", value: time)) }
        let answer = try exchange("GET", url + "/api/v1/query?" + PercentCoding.form(parameters))
        let result = try JSONValue(parsing: answer.body)["data"]?["result"]
        let pair = result?[0]?["value"] ?? result
        return pair?[1]?.string.flatMap { Double($0) }
    }
}
