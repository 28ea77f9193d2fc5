import Bedrock
import Formats

/// A line of a container's log file, taken apart.
struct ContainerLine: Equatable {
    /// Nanoseconds since the epoch.
    var timestamp: Int64
    /// `stdout` or `stderr`.
    var stream: String
    /// The rest of the line comes in the next one of this stream.
    var isPartial: Bool
    var content: [UInt8]

    /// `2016-10-06T00:17:09.669794202Z stdout F message`, as container runtimes behind Kubernetes write. Nil for anything else.
    static func cri(_ line: UnsafeRawBufferPointer) -> ContainerLine? {
        var rest = line[...]
        func word() -> Slice<UnsafeRawBufferPointer>? {
            guard let space = rest.firstIndex(of: 32), space > rest.startIndex else { return nil }
            defer { rest = rest[(space + 1)...] }
            return rest[..<space]
        }
        guard let time = word(), let nanoseconds = RFC3339.nanoseconds(UnsafeRawBufferPointer(rebasing: time)),
            let stream = word(), stream.elementsEqual("stdout".utf8) || stream.elementsEqual("stderr".utf8)
        else { return nil }
        // The tags, joined by colons, of which only the first means something so far; an empty message may leave out the space.
        let tags: Slice<UnsafeRawBufferPointer>
        if let found = word() {
            tags = found
        } else {
            tags = rest
            rest = rest[rest.endIndex...]
        }
        let tag = tags.prefix { $0 != UInt8(ascii: ":") }
        guard tag.count == 1, let flag = tag.first, flag == UInt8(ascii: "F") || flag == UInt8(ascii: "P") else {
            return nil
        }
        return ContainerLine(
            timestamp: nanoseconds, stream: String(decoding: stream, as: UTF8.self),
            isPartial: flag == UInt8(ascii: "P"), content: Array(rest))
    }

    /// `{"log":"message\n","stream":"stdout","time":"…"}`, as Docker's json-file driver writes. Nil for anything else.
    ///
    /// Docker cuts what is longer than 16 KiB; only a message's last line has the `\n`.
    static func docker(_ line: UnsafeRawBufferPointer) -> ContainerLine? {
        guard line.first == UInt8(ascii: "{"),
            let document = try? JSONValue(parsing: String(decoding: line, as: UTF8.self)),
            let log = document["log"]?.string
        else { return nil }
        var content = Array(log.utf8)
        let isPartial = content.last != 10
        if !isPartial { content.removeLast() }
        var time = document["time"]?.string ?? ""
        let timestamp = time.withUTF8 { RFC3339.nanoseconds(UnsafeRawBufferPointer($0)) }
        guard let timestamp else { return nil }
        return ContainerLine(
            timestamp: timestamp, stream: document["stream"]?.string ?? "", isPartial: isPartial, content: content)
    }
}

/// `cri` and `docker`: unwraps lines of container logs, and joins what the runtime cut.
final class ContainerStage: LogStage {
    enum Format: Equatable, Sendable {
        case cri
        case docker
    }

    private static let bytesMax = 2 << 20
    /// How long a cut line waits for its rest, nanoseconds: runtimes write it at once.
    private static let wait: UInt64 = 5_000_000_000

    private struct Open {
        var entry: LogEntry
        var at: UInt64
    }

    private let format: Format
    private let clock: any ClockSource
    private var open: [String: Open] = [:]

    init(_ format: Format, clock: any ClockSource) {
        self.format = format
        self.clock = clock
    }

    func process(_ entry: inout LogEntry) -> StageOutcome {
        let parsed = entry.line.withUnsafeBytes { format == .cri ? ContainerLine.cri($0) : ContainerLine.docker($0) }
        // What is of another form is kept as it is.
        guard let parsed else { return .pass }
        entry.line = parsed.content
        entry.timestamp = parsed.timestamp
        if !parsed.stream.isEmpty {
            entry.labels.set("stream", parsed.stream)
            entry.extracted["stream"] = parsed.stream
        }
        if var known = open.removeValue(forKey: parsed.stream) {
            known.entry.line += entry.line
            known.entry.spans = joined(known.entry.spans, entry.spans)
            entry = known.entry
        }
        guard parsed.isPartial, entry.line.count < Self.bytesMax, open.count < 16 else { return .pass }
        open[parsed.stream] = Open(entry: entry, at: clock.monotonicNanoseconds())
        return .held
    }

    var heldSpans: [Range<UInt64>] { open.values.flatMap(\.entry.spans) }
    var due: UInt64? { open.values.map { $0.at &+ Self.wait }.min() }

    func flush(now: UInt64, all: Bool) -> [LogEntry] {
        let ripe = open.filter { all || now >= $0.value.at &+ Self.wait }
        for key in ripe.keys { open[key] = nil }
        return ripe.values.map(\.entry)
    }
}
