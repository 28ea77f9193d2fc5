import Bedrock
import Model

/// What `obsq traces` is asked, as TraceQL: a query of its own, or flags put together.
struct TraceQuestion {
    static let flags: [Flag] = [
        Flag("--service", "NAME", "spans of this service"),
        Flag("--name", "NAME", "spans of this name"),
        Flag("--min", "SPAN", "spans that took at least so long, such as 250ms"),
        Flag("--max", "SPAN", "spans that took at most so long"),
        Flag("--errors", nil, "spans that failed"),
        Flag("--where", "K=V", "spans, or their resource, with this attribute"),
    ]

    let query: String

    init(_ invocation: Invocation) throws {
        var conditions: [String] = []
        func quoted(_ text: String) -> String {
            "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }
        if let service = invocation.value("--service") {
            conditions.append("resource.service.name = \(quoted(service))")
        }
        if let name = invocation.value("--name") { conditions.append("name = \(quoted(name))") }
        for (flag, comparison) in [("--min", ">="), ("--max", "<=")] {
            guard let text = invocation.value(flag) else { continue }
            guard let duration = GoDuration.parse(text), duration >= 0 else {
                throw UsageError("\(flag): \"\(text)\" is no duration such as 250ms or 1.5s")
            }
            conditions.append("duration \(comparison) \(GoDuration.text(duration))")
        }
        if invocation.has("--errors") { conditions.append("status = error") }
        if let pair = invocation.value("--where") {
            guard let equals = pair.firstIndex(of: "="), equals > pair.startIndex else {
                throw UsageError("--where wants NAME=VALUE")
            }
            let (name, value) = (pair[..<equals], String(pair[pair.index(after: equals)...]))
            let isPlain = name.utf8.allSatisfy { $0 > 32 && !"{}()=~!<>&|^,\"`".utf8.contains($0) }
            let field = "." + (isPlain ? String(name) : quoted(String(name)))
            // Attributes have types, command lines don't.
            var ways = ["\(field) = \(quoted(value))"]
            if Double(value) != nil || value == "true" || value == "false" { ways.append("\(field) = \(value)") }
            conditions.append(ways.count == 1 ? ways[0] : "(" + ways.joined(separator: " || ") + ")")
        }
        switch invocation.arguments.count {
        case 0: query = "{ " + (conditions.isEmpty ? "true" : conditions.joined(separator: " && ")) + " }"
        case 1 where conditions.isEmpty: query = invocation.arguments[0]
        case 1:
            throw UsageError(
                "a query and \(conditions.count == 1 ? "a flag that makes" : "flags that make") one exclude each other")
        default: throw UsageError("expects one TraceQL query at most; put it in quotes")
        }
    }
}
