import Bedrock
import Transport

/// One log line per slow query.
struct SlowQueryLog {
    let logger: Logger
    let textBytesMax: Int

    func write(_ call: QueryCall, status: Int, waited: Double, seconds: Double) {
        let parameters = call.parameters
        var text = parameters.text("query")
        if text.isEmpty { text = call.request.parameters("match[]").joined(separator: " ") }
        let cost = call.noted
        let span = cost.span.map {
            "\(Self.time($0.start))/\(Self.time($0.end))/\(Self.rounded(Double($0.step) / 1000))s"
        }
        logger.warn(
            "slow query",
            [
                "endpoint": call.endpoint, "query": cut(text), "span": span ?? parameters.text("time"),
                "seconds": Self.rounded(seconds), "waited": Self.rounded(waited), "samples": String(cost.samplesRead),
                "series": String(cost.seriesSelected), "status": String(status), "peer": call.request.peer,
                "tenant": call.tenant.name,
            ])
    }

    private func cut(_ text: String) -> String {
        guard text.utf8.count > textBytesMax else { return text }
        return String(decoding: Array(text.utf8.prefix(textBytesMax)), as: UTF8.self) + "…"
    }

    private static func time(_ milliseconds: Int64) -> String { UTCTime(milliseconds: milliseconds).iso8601 }

    private static func rounded(_ seconds: Double) -> String { NumberText.text((seconds * 1000).rounded() / 1000) }
}
