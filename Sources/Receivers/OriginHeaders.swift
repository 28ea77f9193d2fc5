import Bedrock
import Model
import Transport

/// Reads from a request's headers whose data it carries, and what makes a retry recognisable.
enum OriginHeaders {
    /// Names the tenant; as Loki, Mimir and Tempo have it.
    static let tenant = "X-Scope-OrgID"
    /// Set by our own agent and SDK, all three or none.
    static let producer = "X-Obs-Producer"
    static let lane = "X-Obs-Lane"
    static let sequence = "X-Obs-Sequence"

    static let nameBytesMax = 150

    /// - Throws: a readable text when a header is not valid.
    static func origin(_ headers: HTTPHeaders) throws(OriginError) -> BatchOrigin {
        BatchOrigin(tenant: try tenant(headers[tenant]), producer: try producer(headers))
    }

    /// Letters, digits and `!-_.*'()`, so that the name is safe in object names, logs and URLs.
    private static func tenant(_ value: String?) throws(OriginError) -> Tenant {
        guard let value else { return .default }
        guard isName(value), value != ".", value != ".." else {
            throw OriginError(
                "\(tenant) must be 1 to \(nameBytesMax) letters, digits or !-_.*'() and neither . nor .., not \(quoted(String(value.prefix(64))))"
            )
        }
        return Tenant(value)
    }

    private static func producer(_ headers: HTTPHeaders) throws(OriginError) -> BatchOrigin.Producer? {
        guard let name = headers[producer] else { return nil }
        guard isName(name) else {
            throw OriginError("\(producer) must be 1 to \(nameBytesMax) letters, digits or !-_.*'()")
        }
        guard let lane = headers[lane].flatMap({ UInt32($0) }) else {
            throw OriginError("\(producer) needs \(self.lane), a number of at most \(UInt32.max)")
        }
        guard let sequence = headers[sequence].flatMap({ UInt64($0) }) else {
            throw OriginError("\(producer) needs \(self.sequence), a whole number")
        }
        return BatchOrigin.Producer(name: name, lane: lane, sequence: sequence)
    }

    private static func isName(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= nameBytesMax else { return false }
        return text.utf8.allSatisfy { c in
            (c | 0x20) &- 97 < 26 || c &- 48 < 10 || "!-_.*'()".utf8.contains(c)
        }
    }
}

/// A header that doesn't say what it should (HTTP 400).
struct OriginError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
