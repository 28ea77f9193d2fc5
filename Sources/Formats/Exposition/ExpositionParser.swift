import Bedrock
import Model

/// Reads a text exposition entry by entry, as leniently as Prometheus' own parser, without copying: names, values and texts are handed out
/// as slices of the input.
///
///     var parser = ExpositionParser(bytes, format: .classic)
///     while true {
///         switch try parser.next() {
///         case .sample: … parser.value, parser.appendLabels(to:) …
///         case .end: return
///         default: break
///         }
///     }
///
/// The caller keeps `bytes` alive. What the properties say belongs to the entry read last. After an error, `skipLine` goes on with the next
/// line. The strict rules of the formats are `ExpositionValidator`'s. Not thread-safe.
public struct ExpositionParser: ~Copyable {
    public enum Entry: Sendable {
        /// `# HELP`: see `family` and `text`.
        case help
        /// `# TYPE`: see `family` and `kind`.
        case type
        /// `# UNIT`: see `family` and `text`. OpenMetrics only.
        case unit
        /// Another line that begins with `#`, see `text`. Classic only.
        case comment
        /// See `series`, `value`, `timestamp`, `exemplar…`, `appendLabels`.
        case sample
        case end
    }

    /// A label as it stands in the text, its escapes not resolved.
    public struct RawLabel {
        public var name: UnsafeRawBufferPointer
        public var value: UnsafeRawBufferPointer
        /// Name or value hold backslashes.
        public var hasEscapes: Bool
    }

    let bytes: UnsafeRawBufferPointer
    public let format: ExpositionFormat
    /// `_created` lines are taken as start timestamps (see `startTimestamp`) and are no samples.
    public let readsStartTimestamps: Bool

    /// Next byte to read.
    var offset = 0
    /// `# EOF` was read.
    var isEnded = false
    /// First byte of the current entry.
    var entryStart = 0
    /// Behind the label set of the current sample.
    var seriesEnd = 0
    var rawFamily = UnsafeRawBufferPointer(start: nil, count: 0)
    var rawText = UnsafeRawBufferPointer(start: nil, count: 0)
    var rawName = UnsafeRawBufferPointer(start: nil, count: 0)
    var nameHasEscapes = false
    var hasName = false
    var rawTimestamp = UnsafeRawBufferPointer(start: nil, count: 0)
    /// A comma stood before the closing brace, which OpenMetrics forbids and Prometheus tolerates.
    var hasTrailingComma = false
    /// The metric name, or a label's, stood in quotes.
    var hasQuotedName = false

    /// Labels of the current sample, in the text's order, the metric name not among them.
    public internal(set) var rawLabels: ContiguousArray<RawLabel> = []
    /// The kind that the last `# TYPE` line gave, and to which family.
    public internal(set) var kind = MetricMetadata.Kind.unknown
    var kindFamily = UnsafeRawBufferPointer(start: nil, count: 0)
    public internal(set) var value = 0.0
    /// Milliseconds; nil when the line has none.
    public internal(set) var timestamp: Int64?
    public internal(set) var hasExemplar = false
    public internal(set) var rawExemplarLabels: ContiguousArray<RawLabel> = []
    public internal(set) var exemplarValue = 0.0
    /// Milliseconds.
    public internal(set) var exemplarTimestamp: Int64?

    /// How far `position` has counted.
    private var mark = (offset: 0, line: 1, lineStart: 0)
    var labelSet = LabelSetWriter()
    /// Holds unescaped and normalised texts of the label set being written.
    var unescaped = ByteBuffer(capacity: 256)
    var startTimes = StartTimes()

    public init(_ bytes: UnsafeRawBufferPointer, format: ExpositionFormat, readsStartTimestamps: Bool = false) {
        self.bytes = bytes
        self.format = format
        self.readsStartTimestamps = readsStartTimestamps && format == .openMetrics
    }

    /// Reads the next entry; `.end` for good at the end of the text.
    public mutating func next() throws(ExpositionError) -> Entry {
        switch format {
        case .classic: return try nextClassic()
        case .openMetrics:
            while true {
                let entry = try nextOpenMetrics()
                guard readsStartTimestamps, entry == .sample, try noteStartTime() else { return entry }
            }
        }
    }

    /// Goes on behind the line in which the last entry began; for going on after an error.
    public mutating func skipLine() {
        offset = entryStart
        while offset < bytes.count, bytes[offset] != UInt8(ascii: "\n") { offset += 1 }
        offset = min(offset + 1, bytes.count)
    }

    /// Whether all of the text has been read.
    public var isAtEnd: Bool { offset >= bytes.count }

    /// The raw text of the current sample's name and labels: equal texts of one target mean equal series, so it can be a cache key.
    public var series: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[entryStart..<seriesEnd]) }

    /// The family that a `# HELP`, `# TYPE` or `# UNIT` line is about.
    public var family: String {
        rawFamily.contains(UInt8(ascii: "\\")) ? unescapedText(rawFamily) : String(decoding: rawFamily, as: UTF8.self)
    }

    /// The help text, unescaped; the unit; or a comment's whole line.
    public var text: String { String(decoding: rawText, as: UTF8.self) }

    /// The help text of a `.help` entry with its escapes resolved.
    public var help: String { rawText.contains(UInt8(ascii: "\\")) ? unescapedHelp() : text }

    /// Where the current entry begins. Counts lines from the entry asked about before, so asking for each one is cheap.
    public var position: TextPosition {
        mutating get {
            while mark.offset < entryStart {
                if bytes[mark.offset] == UInt8(ascii: "\n") {
                    mark.line += 1
                    mark.lineStart = mark.offset + 1
                }
                mark.offset += 1
            }
            return TextPosition(line: mark.line, column: entryStart - mark.lineStart + 1)
        }
    }

    func error(_ reason: String, at offset: Int? = nil) -> ExpositionError {
        ExpositionError(reason, at: TextPosition(of: offset ?? self.offset, in: bytes))
    }

    @inline(__always)
    func slice(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }

    /// The byte at `offset`; a newline at the end of the text, so that a last line without one is complete.
    @inline(__always)
    var current: UInt8 { offset < bytes.count ? bytes[offset] : UInt8(ascii: "\n") }

    mutating func beginEntry() {
        entryStart = offset
        hasTrailingComma = false
        hasQuotedName = false
        timestamp = nil
        hasExemplar = false
        exemplarTimestamp = nil
    }

    /// Prometheus' one NaN for samples that aren't staleness markers.
    static let normalNaN = Double(bitPattern: 0x7ff8_0000_0000_0001)

    /// The number in `start ..< offset`.
    func float(from start: Int) throws(ExpositionError) -> Double {
        let text = slice(start, offset)
        guard let value = NumberText.parseFloat(text) else {
            throw error("\(quoted(String(decoding: text.prefix(64), as: UTF8.self))) is not a number", at: start)
        }
        return value.isNaN ? Self.normalNaN : value
    }
}
