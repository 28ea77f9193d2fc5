import Bedrock
import Formats
import Model

/// An entry as it is written, without a copy: valid within the call that hands it out.
struct LogEntryView {
    /// Nanoseconds since the epoch.
    var timestamp: Int64
    var line: UnsafeRawBufferPointer
    /// Canonical label bytes: of the stream, of the structured metadata, and of what the query's stages made.
    var stream: UnsafeRawBufferPointer
    var metadata: UnsafeRawBufferPointer
    var parsed: UnsafeRawBufferPointer

    /// All labels as one set; where a name occurs twice, the stream's goes before the metadata's, that before the parsed one's.
    var allLabels: Labels {
        if metadata.isEmpty, parsed.isEmpty { return Labels(canonical: stream) }
        var builder = LabelsBuilder(Labels(canonical: parsed))
        for bytes in [metadata, stream] {
            var cursor = LabelCursor(bytes)
            while cursor.next() {
                builder.set(String(decoding: cursor.name, as: UTF8.self), String(decoding: cursor.value, as: UTF8.self))
            }
        }
        return builder.labels()
    }
}

/// What an answer says of each entry: the encoding flags of its request that are known here.
struct LogValueEncoding: Hashable {
    /// Whether metadata and parsed labels are shown with each value, instead of being merged into the stream's labels.
    var isCategorized = false
    /// Whether values that show categories give lines that are no UTF-8 once more, as `lineBase64`.
    var isExact = false

    /// Those that the answer follows.
    var flags: [String] { isCategorized ? ["categorize-labels"] + (isExact ? ["base64-lines"] : []) : [] }
}

/// Puts entries together that are shown under one label set. One owner.
struct LogGrouping {
    struct Group {
        /// What is shown as the stream's labels.
        let labels: Labels
        /// Numbers of the entries, in their order.
        var entries: [Int] = []
    }

    let encoding: LogValueEncoding
    /// Whether equal addresses mean equal labels: not where memory is reused between entries.
    private let keepsAddresses: Bool
    private(set) var groups: [Group] = []
    private var byKey: [Hash128: Int] = [:]
    private var byLabels: [Labels: Int] = [:]
    // Neighbours mostly belong together.
    private var lastStream = UnsafeRawBufferPointer(start: nil, count: 0)
    private var lastGroup: Int?

    init(encoding: LogValueEncoding, keepsAddresses: Bool) {
        self.encoding = encoding
        self.keepsAddresses = keepsAddresses
    }

    /// Adds entry `number`.
    mutating func add(_ number: Int, _ entry: LogEntryView) {
        let isPlain = encoding.isCategorized || (entry.metadata.isEmpty && entry.parsed.isEmpty)
        if isPlain, keepsAddresses, let lastGroup, lastStream.baseAddress == entry.stream.baseAddress,
            lastStream.count == entry.stream.count
        {
            groups[lastGroup].entries.append(number)
            return
        }
        let group = find(entry, isPlain: isPlain)
        groups[group].entries.append(number)
        if isPlain { (lastStream, lastGroup) = (entry.stream, group) }
    }

    private mutating func find(_ entry: LogEntryView, isPlain: Bool) -> Int {
        var key = Hash128(of: entry.stream)
        if !isPlain {
            key = Hash128(of: entry.metadata, seed: key.low ^ key.high)
            key = Hash128(of: entry.parsed, seed: key.low ^ key.high &+ 1)
        }
        if let group = byKey[key] { return group }
        let labels = isPlain ? Labels(canonical: entry.stream) : entry.allLabels
        // Different pieces may add up to the same set.
        let group = byLabels[labels] ?? groups.count
        if group == groups.count {
            groups.append(Group(labels: labels))
            byLabels[labels] = group
        }
        byKey[key] = group
        return group
    }
}

extension JSONWriter {
    /// The streams of an answer: an array of label sets with their entries, sorted by label set.
    /// - Parameter withEntry: calls its second argument with the entry of that number.
    mutating func streams(
        _ grouping: LogGrouping, _ withEntry: (Int, (LogEntryView) -> Void) -> Void
    ) {
        beginArray()
        for group in grouping.groups.sorted(by: { $0.labels < $1.labels }) {
            beginObject()
            key("stream")
            labels(group.labels)
            key("values")
            beginArray()
            for number in group.entries {
                withEntry(number) { value($0, grouping.encoding) }
            }
            endArray()
            endObject()
        }
        endArray()
    }

    /// `["<nanoseconds>","line"]`, with a third element where labels are categorized.
    mutating func value(_ entry: LogEntryView, _ encoding: LogValueEncoding) {
        beginArray()
        quotedInteger(entry.timestamp)
        string(entry.line)
        if encoding.isCategorized {
            beginObject()
            category("structuredMetadata", entry.metadata)
            category("parsed", entry.parsed)
            if encoding.isExact, !UTF8Text.isValid(entry.line) {
                key("lineBase64")
                base64(entry.line)
            }
            endObject()
        }
        endArray()
    }

    mutating func category(_ name: StaticString, _ canonical: UnsafeRawBufferPointer) {
        guard !canonical.isEmpty else { return }
        key(name)
        labels(canonical: canonical)
    }
}
