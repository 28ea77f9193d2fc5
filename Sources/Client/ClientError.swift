import Formats

/// Why a request to a server gave no result.
public enum ClientError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Nothing answers at the address, or TLS failed.
    case unreachable(server: String, reason: String)
    case timeout(server: String, seconds: Double)
    /// The server answers, but not us: 401 or 403.
    case refused(server: String, status: Int, reason: String)
    /// The server answers but doesn't take queries now: 503 while it starts or is overloaded.
    case unavailable(server: String, reason: String)
    /// The request itself was judged wrong, or failed while it ran. `position` is where in the query, when the server told.
    case api(APIError)
    /// The answer is not what the API promises; the server at the address may be another kind of program.
    case malformed(server: String, reason: String)
    case tooLarge(bytes: Int)
    case cancelled

    public var description: String {
        switch self {
        case .unreachable(let server, let reason): "cannot reach \(server): \(reason)"
        case .timeout(let server, let seconds): "no answer from \(server) within \(Self.seconds(seconds)) s"
        case .refused(let server, let status, let reason): "\(server) refused the request (\(status)): \(reason)"
        case .unavailable(let server, let reason): "\(server) is not ready: \(reason)"
        case .api(let error): error.message
        case .malformed(let server, let reason): "\(server) sent an answer that cannot be read: \(reason)"
        case .tooLarge(let bytes): "the answer is over \(bytes) bytes; ask for fewer series or a shorter range"
        case .cancelled: "cancelled"
        }
    }

    /// Whether the server could not be asked at all, which exit code 3 of `obsq` stands for.
    public var isConnection: Bool {
        switch self {
        case .unreachable, .timeout, .refused, .unavailable: true
        case .api, .malformed, .tooLarge, .cancelled: false
        }
    }

    private static func seconds(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e9 ? String(Int(value)) : String(value)
    }
}

/// An error answer of the Prometheus or the Loki API.
public struct APIError: Equatable, Sendable {
    /// HTTP status.
    public var status: Int
    /// `bad_data`, `execution`, `timeout` and so on; empty where the server sent none, as Loki.
    public var kind: String
    public var message: String
    /// Line and column of the fault in the query.
    public var position: TextPosition?

    public init(status: Int, kind: String, message: String) {
        self.status = status
        self.kind = kind
        self.message = message
        position = Self.position(in: message)
    }

    /// Prometheus writes `invalid parameter "query": 1:5: parse error: …`, Loki `parse error at line 1, col 5: …`.
    private static func position(in message: String) -> TextPosition? {
        if let start = message.firstRange(of: "parse error at line ")?.upperBound {
            let parts = message[start...].prefix { $0 != ":" }.split(separator: ",")
            guard parts.count == 2, let line = Int(parts[0]), parts[1].hasPrefix(" col "),
                let column = Int(parts[1].dropFirst(5)), line > 0, column > 0
            else { return nil }
            return TextPosition(line: line, column: column)
        }
        let marker = "parse error"
        let bytes = Array(message.utf8)
        let wanted = Array(marker.utf8)
        guard bytes.count >= wanted.count else { return nil }
        for start in 0...(bytes.count - wanted.count) where bytes[start] == wanted[0] {
            guard bytes[start..<start + wanted.count].elementsEqual(wanted) else { continue }
            let before = String(decoding: bytes[..<start], as: UTF8.self)
            let parts = before.split(separator: " ").last.map { $0.split(separator: ":") } ?? []
            guard parts.count == 2, let line = Int(parts[0]), let column = Int(parts[1]), line > 0, column > 0 else {
                return nil
            }
            return TextPosition(line: line, column: column)
        }
        return nil
    }
}
