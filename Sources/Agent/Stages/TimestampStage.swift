import Bedrock
import Formats
import LogQL
import Model

/// How a time is written: by a name, a Go layout, or `strptime`'s signs.
enum TimeFormat: Equatable, Sendable {
    case rfc3339
    /// Seconds and their fraction.
    case unix
    /// A whole number of so many nanoseconds.
    case unixUnits(Int64)
    case layout(String)

    private static let named: [String: String] = [
        "ANSIC": "Mon Jan _2 15:04:05 2006", "UnixDate": "Mon Jan _2 15:04:05 MST 2006",
        "RubyDate": "Mon Jan 02 15:04:05 -0700 2006", "RFC822": "02 Jan 06 15:04 MST",
        "RFC822Z": "02 Jan 06 15:04 -0700",
        "RFC850": "Monday, 02-Jan-06 15:04:05 MST", "RFC1123": "Mon, 02 Jan 2006 15:04:05 MST",
        "RFC1123Z": "Mon, 02 Jan 2006 15:04:05 -0700",
    ]

    init(_ text: String) {
        switch text {
        case "RFC3339", "RFC3339Nano": self = .rfc3339
        case "Unix": self = .unix
        case "UnixMs": self = .unixUnits(1_000_000)
        case "UnixUs": self = .unixUnits(1_000)
        case "UnixNs": self = .unixUnits(1)
        default: self = .layout(Self.named[text] ?? (text.contains("%") ? Self.goLayout(text) : text))
        }
    }

    /// `strptime`'s signs as a Go layout.
    private static func goLayout(_ text: String) -> String {
        let signs: [Character: String] = [
            "Y": "2006", "y": "06", "m": "01", "d": "02", "e": "_2", "H": "15", "I": "03", "M": "04", "S": "05",
            "f": "000000", "L": "000", "N": "000000000", "p": "PM", "b": "Jan", "h": "Jan", "B": "January", "a": "Mon",
            "A": "Monday", "z": "-0700", "Z": "MST", "T": "15:04:05", "F": "2006-01-02", "D": "01/02/06", "R": "15:04",
            "j": "002", "n": "\n", "t": "\t", "%": "%",
        ]
        var out = ""
        var isSign = false
        for c in text {
            if isSign {
                out += signs[c] ?? "%\(c)"
                isSign = false
            } else if c == "%" {
                isSign = true
            } else {
                out.append(c)
            }
        }
        return out
    }

    /// Syslog's times have none; the reader puts one in front.
    var hasYear: Bool { if case .layout(let layout) = self { layout.contains("06") } else { true } }

    /// The program that reads a layout's times; nil for formats that need none.
    /// - Throws: for a zone or layout that templates refuse.
    func plan(zone: String?) throws(PipelineError) -> LogPipelinePlan? {
        guard case .layout(let text) = self else { return nil }
        let zone = zone ?? "UTC"
        let layout = hasYear ? text : "2006 " + text
        return try LogPipelinePlan(
            [.lineFormat("{{ toDateInZone \(quoted(layout)) \(quoted(zone)) .Value | unixEpochNanos }}")])
    }
}

/// `timestamp`: the time of an entry is what a value says.
final class TimestampStage: LogStage {
    struct Rule: Equatable, Sendable {
        var source = ""
        var formats: [TimeFormat] = []
        var zone: String?
        /// Where the value is no such time, the entry gets the time of the one before it and a nanosecond; else the one it was read at.
        var fudges = true
    }

    private let rule: Rule
    private let programs: [QueryProgram?]
    private let clock: any ClockSource
    private var last: [Labels: Int64] = [:]
    private static let streamsMax = 10_000

    init(_ rule: Rule, _ plans: [LogPipelinePlan?], clock: any ClockSource) {
        self.rule = rule
        self.clock = clock
        programs = plans.map { $0.map { QueryProgram($0) } }
    }

    func process(_ entry: inout LogEntry) -> StageOutcome {
        let key = rule.fudges ? entry.labels.labels() : .empty
        if let text = entry.extracted[rule.source], let time = parse(text) {
            entry.timestamp = time
        } else if rule.fudges, let before = last[key] {
            entry.timestamp = before &+ 1
        } else {
            return .pass
        }
        if rule.fudges {
            if last.count >= Self.streamsMax { last.removeAll() }
            last[key] = entry.timestamp
        }
        return .pass
    }

    private func parse(_ text: String) -> Int64? {
        for (format, program) in zip(rule.formats, programs) {
            if let time = parse(text, format, program) { return time }
        }
        return nil
    }

    private func parse(_ text: String, _ format: TimeFormat, _ program: QueryProgram?) -> Int64? {
        var text = text
        switch format {
        case .rfc3339: return text.withUTF8 { RFC3339.nanoseconds(UnsafeRawBufferPointer($0)) }
        case .unix: return Self.unix(text)
        case .unixUnits(let unit):
            guard let count = Int64(text) else { return nil }
            let (time, overflow) = count.multipliedReportingOverflow(by: unit)
            return overflow ? nil : time
        case .layout:
            if format.hasYear { return Self.run(program, text) }
            // The year in which the time is not ahead of us by more than a day.
            let now = clock.now()
            let year = UTCTime(milliseconds: now).year
            guard let time = Self.run(program, "\(year) \(text)") else {
                return Self.run(program, "\(year - 1) \(text)")
            }
            return time / 1_000_000 > now + 86_400_000 ? Self.run(program, "\(year - 1) \(text)") ?? time : time
        }
    }

    private static func run(_ program: QueryProgram?, _ text: String) -> Int64? {
        program?.format(["Value": text]).flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
    }

    /// Seconds with up to nine decimals, without a float's rounding.
    private static func unix(_ text: String) -> Int64? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let seconds = Int64(parts[0]), abs(seconds) < 9_000_000_000 else { return nil }
        var fraction: Int64 = 0
        if parts.count == 2 {
            let digits = parts[1].prefix(9)
            guard !digits.isEmpty, parts[1].allSatisfy({ $0.isASCII && $0.isNumber }), let value = Int64(digits) else {
                return nil
            }
            fraction = value
            for _ in digits.count..<9 { fraction *= 10 }
        }
        return seconds * 1_000_000_000 + (text.hasPrefix("-") ? -fraction : fraction)
    }
}
