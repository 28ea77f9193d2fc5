import Bedrock

/// The two text formats in which metrics are exposed.
public enum ExpositionFormat: String, Sendable, CaseIterable {
    /// Prometheus' own text format, version 0.0.4.
    case classic
    /// OpenMetrics 1.0.
    case openMetrics

    /// For the `Content-Type` of an answer.
    public var contentType: String {
        switch self {
        case .classic: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// For the `Accept` header of a scrape: what the parsers here read, best first, as Prometheus asks for it.
    public static let acceptHeader =
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        + "application/openmetrics-text;version=0.0.1;q=0.4,"
        + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"

    /// The format that a `Content-Type` header names; nil for one that names neither.
    public init?(contentType: String) {
        switch MediaRange(contentType[...]).type {
        case "text/plain": self = .classic
        case "application/openmetrics-text": self = .openMetrics
        default: return nil
        }
    }

    /// The format to answer a request with this `Accept` header in: OpenMetrics where the client prefers it, else the classic one.
    public static func negotiated(accept: String?) -> ExpositionFormat {
        var best = (quality: 0.0, format: ExpositionFormat.classic)
        for part in (accept ?? "").split(separator: ",") {
            let range = MediaRange(part)
            guard range.quality > best.quality else { continue }
            switch range.type {
            case "application/openmetrics-text": best = (range.quality, .openMetrics)
            case "text/plain", "text/*", "*/*": best = (range.quality, .classic)
            default: break
            }
        }
        return best.format
    }
}

/// `type/subtype;parameter=value;q=0.5`, lowercased, as far as it matters here.
private struct MediaRange {
    var type = ""
    var quality = 1.0

    init(_ text: Substring) {
        var isFirst = true
        for part in text.split(separator: ";", omittingEmptySubsequences: false) {
            let word = part.filter { $0 != " " && $0 != "\t" }.lowercased()
            if isFirst {
                type = word
                isFirst = false
            } else if word.hasPrefix("q=") {
                quality = NumberText.parseFloat(String(word.dropFirst(2))) ?? 0
            }
        }
    }
}
