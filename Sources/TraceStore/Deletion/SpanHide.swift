import Bedrock
import LSM
import Model

/// A tombstone, ready to be applied to spans: by start, by `trace_id` and by attributes of the resource, whose values are compared as texts; a
/// missing one is empty. Immutable and thread-safe.
struct SpanHide: Sendable {
    /// The matcher of this name is on the trace's id, 32 hexadecimal digits.
    static let traceIDName = "trace_id"

    /// Nanoseconds, both included.
    let first: Int64
    let last: Int64
    private let traceMatchers: [Matcher]
    private let resourceMatchers: [Matcher]

    init(_ tombstone: Tombstone) {
        (first, last) = NanosecondTime.nanoseconds(tombstone.range)
        traceMatchers = tombstone.matchers.filter { $0.name == Self.traceIDName }
        resourceMatchers = tombstone.matchers.filter { $0.name != Self.traceIDName }
    }

    var isOfTraces: Bool { !traceMatchers.isEmpty }

    func overlaps(_ firstStart: Int64, through lastStart: Int64) -> Bool { lastStart >= first && firstStart <= last }

    func contains(_ start: Int64) -> Bool { start >= first && start <= last }

    func matches(_ id: TraceID) -> Bool {
        traceMatchers.isEmpty || traceMatchers.allSatisfy { $0.matches(id.description) }
    }

    /// - Parameter bytes: as `ResourceBytes` reads them.
    func matches(resource bytes: UnsafeRawBufferPointer) -> Bool {
        guard !resourceMatchers.isEmpty else { return true }
        guard let resource = try? ResourceBytes(bytes) else { return false }
        return resourceMatchers.allSatisfy { matcher in
            matcher.matches(Self.text(of: matcher.name, in: resource.attributes))
        }
    }

    private static func text(of key: String, in attributes: UnsafeRawBufferPointer) -> String {
        var cursor = AttributeCursor(attributes)
        while cursor.next() {
            guard cursor.key.elementsEqual(key.utf8) else { continue }
            switch cursor.value.value() {
            case .string(let text): return text
            case .int(let number): return String(number)
            case .bool(let flag): return String(flag)
            case .double(let number): return NumberText.text(number)
            default: return ""
            }
        }
        return ""
    }
}
