import Client
import LogQL
import Model

/// What the operand of `obsq logs` asks, as LogQL.
struct LogQuestion {
    /// LogQL.
    var query: String
    /// It gives numbers, not entries.
    var isMetric: Bool
    /// The words that it is, if it searches every stream.
    private var search: LogQuery?
    /// The server takes no empty selector, so that only streams with a `service_name` are searched.
    private(set) var isNarrowed = false

    /// - Parameter text: LogQL, or words as in a search box; empty is everything.
    init(_ text: String) throws {
        let parsed: Result<LogQLExpr, ParseError>
        do throws(ParseError) { parsed = .success(try LogQLParser.parse(text)) } catch { parsed = .failure(error) }
        switch parsed {
        case .success(.log): (query, isMetric) = (text, false)
        // A number alone is a word to search for.
        case .success(.metric(let metric)) where !metric.isLiteral: (query, isMetric) = (text, true)
        case .failure(let error) where Self.isMeantAsLogQL(text):
            throw Failure("\(error)" + (error.hint.map { " (\($0))" } ?? "") + "\n" + error.excerpt(of: text), .no)
        case .success, .failure:
            do throws(ParseError) {
                let words = try LogSearch.parse(text)
                (query, isMetric, search) = (words.description, false, words)
            } catch {
                throw Failure("\(error)\n" + error.excerpt(of: text), .usage)
            }
        }
    }

    /// Has a search look at everything, in the server's words: Loki, which takes no empty selector, gives every stream a `service_name`.
    mutating func chooseSelector(_ session: Session) async throws {
        guard var words = search else { return }
        let isTaken = try await session.askLogs { client throws(ClientError) in try await client.takesEmptySelector() }
        if isTaken { return }
        words.matchers = [try Matcher("service_name", .regex, ".+")]
        query = words.description
        isNarrowed = true
    }

    /// What to say where nothing was found, if the search was narrower than it was meant.
    var narrowness: String? {
        guard isNarrowed else { return nil }
        return
            "the server takes no empty selector, so only streams with a service_name were searched: choose others in LogQL, such as {app=~\".+\"} |= \"word\""
    }

    /// A selector, or a call around one, whatever else is wrong.
    private static func isMeantAsLogQL(_ text: String) -> Bool {
        let trimmed = text.drop(while: \.isWhitespace)
        if trimmed.hasPrefix("{") { return true }
        guard trimmed.contains("{"), let open = trimmed.firstIndex(of: "(") else { return false }
        let head = trimmed[..<open].split(whereSeparator: \.isWhitespace)
        return head.allSatisfy { $0.allSatisfy { $0.isLetter || $0 == "_" } } && head.count <= 2
    }

    /// The number of entries over time, split by `labels`; of a metric query, the query itself. `step` is in milliseconds.
    func counts(by labels: [String], step: Int64) -> String {
        if isMetric { return query }
        // On a line of its own: the query may end in a comment.
        let count = "count_over_time(\(query)\n[\(step)ms])"
        return labels.isEmpty ? "sum(\(count))" : "sum by (\(labels.joined(separator: ", "))) (\(count))"
    }
}
