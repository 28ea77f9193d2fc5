import Bedrock
import Model

/// A point in time with the zone that it is shown in.
public struct TemplateTime: Sendable {
    /// Since the Unix epoch.
    public let seconds: Int64
    /// 0 ..< 1 000 000 000
    public let nanoseconds: Int32
    /// Seconds east of UTC, at this time.
    public let offset: Int32
    /// The zone's abbreviation.
    public let zone: ZoneName

    /// An abbreviation of at most 7 bytes, in place.
    public struct ZoneName: Sendable {
        private var bytes: (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8) = (0, 0, 0, 0, 0, 0, 0)
        private var count: UInt8 = 0

        public init(_ text: some Sequence<UInt8>) {
            withUnsafeMutableBytes(of: &bytes) { room in
                for byte in text.prefix(7) {
                    room[Int(count)] = byte
                    count += 1
                }
            }
        }

        public static let utc = ZoneName("UTC".utf8)

        func append(to out: inout ByteBuffer) {
            withUnsafeBytes(of: bytes) { out.append(UnsafeRawBufferPointer(rebasing: $0[..<Int(count)])) }
        }
    }

    public init(seconds: Int64, nanoseconds: Int32 = 0, offset: Int32 = 0, zone: ZoneName = .utc) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
        self.offset = offset
        self.zone = zone
    }

    public init(nanosecondsSinceEpoch: Int64) {
        let (whole, rest) = nanosecondsSinceEpoch.quotientAndRemainder(dividingBy: 1_000_000_000)
        self.init(seconds: rest < 0 ? whole - 1 : whole, nanoseconds: Int32(rest < 0 ? rest + 1_000_000_000 : rest))
    }

    /// Wraps around beyond the years 1678 to 2262, as Go's does.
    public var nanosecondsSinceEpoch: Int64 { seconds &* 1_000_000_000 &+ Int64(nanoseconds) }

    public var millisecondsSinceEpoch: Int64 { seconds &* 1000 &+ Int64(nanoseconds / 1_000_000) }

    /// As the zone's clocks show it. Times beyond what a calendar of milliseconds holds come out as its ends.
    var civil: UTCTime {
        let bound = Int64.max / 1000 - 100_000
        let shown = min(max(seconds, -bound), bound) + Int64(offset)
        return UTCTime(milliseconds: shown * 1000)
    }

    func at(offset: Int32, zone: ZoneName) -> TemplateTime {
        TemplateTime(seconds: seconds, nanoseconds: nanoseconds, offset: offset, zone: zone)
    }

    /// The time so many nanoseconds later.
    func adding(_ duration: Int64) -> TemplateTime {
        let sum = Int64(nanoseconds) + duration % 1_000_000_000
        var carry = sum / 1_000_000_000
        var rest = sum % 1_000_000_000
        if rest < 0 {
            rest += 1_000_000_000
            carry -= 1
        }
        return TemplateTime(
            seconds: seconds &+ duration / 1_000_000_000 &+ carry, nanoseconds: Int32(rest), offset: offset, zone: zone)
    }

    /// Nanoseconds since `other`, at the ends of the range where there are more.
    func since(_ other: TemplateTime) -> Int64 {
        let (difference, overflow) = seconds.subtractingReportingOverflow(other.seconds)
        guard !overflow, difference.magnitude < 9_223_372_036 else { return seconds < other.seconds ? .min : .max }
        return difference * 1_000_000_000 + Int64(nanoseconds) - Int64(other.nanoseconds)
    }

    /// Go's `String`: `2006-01-02 15:04:05.999999999 -0700 MST`.
    func write(_ out: inout ByteBuffer) {
        GoTimeLayout.format(self, GoTimeLayout.goString, &out)
    }

    /// The methods that Go's `time.Time` has and templates use; nil for others.
    func method(
        _ name: UnsafeRawBufferPointer, _ arguments: UnsafeBufferPointer<TemplateValue>, _ context: TemplateContext
    ) throws(TemplateFailure) -> TemplateValue? {
        let call = TemplateCall(arguments: arguments, context: context)
        let name = String(decoding: name, as: UTF8.self)
        if let wanted = ["Format": 1, "Add": 1, "Sub": 1, "Before": 1, "After": 1, "Equal": 1, "AddDate": 3][name] {
            guard call.count == wanted else { throw arity(name, wanted, call.count) }
        } else if call.count > 0 {
            return nil
        }
        switch name {
        case "Format":
            let layout = try call.text(0)
            return try call.make { GoTimeLayout.format(self, layout, &$0) }
        case "String": return try call.make { write(&$0) }
        case "Add":
            guard case .duration(let duration) = call[0] else { throw TemplateFailure("expected a duration") }
            return .time(adding(duration))
        case "Sub": return .duration(since(try time(call, 0)))
        case "Before": return .bool(isBefore(try time(call, 0)))
        case "After": return .bool(try time(call, 0).isBefore(self))
        case "Equal": return .bool(since(try time(call, 0)) == 0)
        case "AddDate": return .time(try addingDate(call.integer(0), call.integer(1), call.integer(2)))
        case "UTC": return .time(at(offset: 0, zone: .utc))
        case "Unix": return .integer(seconds)
        case "UnixMilli": return .integer(millisecondsSinceEpoch)
        case "UnixMicro": return .integer(seconds &* 1_000_000 &+ Int64(nanoseconds / 1000))
        case "UnixNano": return .integer(nanosecondsSinceEpoch)
        case "Nanosecond": return .integer(Int64(nanoseconds))
        default: return try part(name, call)
        }
    }

    private func part(_ name: String, _ call: TemplateCall) throws(TemplateFailure) -> TemplateValue? {
        let civil = civil
        switch name {
        case "Year": return .integer(Int64(civil.year))
        case "Month": return try call.make { $0.append(utf8: GoTimeLayout.months[civil.month - 1]) }
        case "Day": return .integer(Int64(civil.day))
        case "Hour": return .integer(Int64(civil.hour))
        case "Minute": return .integer(Int64(civil.minute))
        case "Second": return .integer(Int64(civil.second))
        case "YearDay": return .integer(Int64(civil.dayOfYear))
        case "Weekday": return try call.make { $0.append(utf8: GoTimeLayout.weekdays[civil.weekday]) }
        default: return nil
        }
    }

    private func isBefore(_ other: TemplateTime) -> Bool {
        (seconds, nanoseconds) < (other.seconds, other.nanoseconds)
    }

    private func time(_ call: TemplateCall, _ index: Int) throws(TemplateFailure) -> TemplateTime {
        guard case .time(let time) = call[index] else { throw TemplateFailure("expected a time") }
        return time
    }

    private func arity(_ name: String, _ wanted: Int, _ got: Int) -> TemplateFailure {
        TemplateFailure("wrong number of args for \(name): want \(wanted) got \(got)")
    }

    /// Years, months and days later; days beyond a month's end run into the next one.
    private func addingDate(_ years: Int, _ months: Int, _ days: Int) throws(TemplateFailure) -> TemplateTime {
        let limit = 1_000_000
        guard abs(years) < limit, abs(months) < limit, abs(days) < limit * 100 else {
            throw TemplateFailure("date out of range")
        }
        let civil = civil
        let month = civil.month - 1 + months
        let year = civil.year + years + (month >= 0 ? month / 12 : (month - 11) / 12)
        let first = UTCTime.days(year: year, month: (month % 12 + 12) % 12 + 1, day: 1)
        let old = UTCTime.days(year: civil.year, month: civil.month, day: civil.day)
        let moved = first + Int64(civil.day - 1 + days) - old
        return TemplateTime(seconds: seconds &+ moved &* 86_400, nanoseconds: nanoseconds, offset: offset, zone: zone)
    }
}

/// Methods of Go's `time.Duration`.
enum TemplateDuration {
    static func method(
        _ duration: Int64, _ name: UnsafeRawBufferPointer, _ arguments: UnsafeBufferPointer<TemplateValue>,
        _ context: TemplateContext
    ) throws(TemplateFailure) -> TemplateValue? {
        guard arguments.isEmpty else { return nil }
        switch String(decoding: name, as: UTF8.self) {
        case "String":
            return try TemplateCall(arguments: arguments, context: context).make { GoDuration.format(duration, &$0) }
        case "Seconds": return .number(Double(duration) / 1e9)
        case "Minutes": return .number(Double(duration) / 6e10)
        case "Hours": return .number(Double(duration) / 3.6e12)
        case "Milliseconds": return .integer(duration / 1_000_000)
        case "Microseconds": return .integer(duration / 1000)
        case "Nanoseconds": return .integer(duration)
        default: return nil
        }
    }
}
