import Bedrock
import Model

/// Functions on times. What the machine's zone would decide is UTC here, so that a query gives the same wherever it runs.
enum TimeFunctions {
    static let all: [TemplateFunction] = [
        TemplateFunction("now", 0) { call in
            .time(TemplateTime(nanosecondsSinceEpoch: call.context.clock.now() &* 1_000_000))
        },
        TemplateFunction("date", 2) { call throws(TemplateFailure) in
            let layout = try call.text(0)
            let time = try time(call, 1)
            return try call.make { GoTimeLayout.format(time, layout, &$0) }
        },
        TemplateFunction("toDate", 2) { call throws(TemplateFailure) in
            .time(try GoTimeParser.parse(try call.text(1), layout: try call.text(0), zone: .utc))
        },
        TemplateFunction("toDateInZone", 3) { call throws(TemplateFailure) in
            let name = String(decoding: try call.text(1), as: UTF8.self)
            guard let zone = TimeZones.system.zone(name) else { throw TemplateFailure("unknown time zone \(name)") }
            return .time(try GoTimeParser.parse(try call.text(2), layout: try call.text(0), zone: zone))
        },
        TemplateFunction("unixEpoch", 1) { call throws(TemplateFailure) in try decimal(call, try time(call, 0).seconds)
        },
        TemplateFunction("unixEpochMillis", 1) { call throws(TemplateFailure) in
            try decimal(call, try time(call, 0).millisecondsSinceEpoch)
        },
        TemplateFunction("unixEpochNanos", 1) { call throws(TemplateFailure) in
            try decimal(call, try time(call, 0).nanosecondsSinceEpoch)
        },
        TemplateFunction("unixToTime", 1, fromUnix),
    ]

    /// A time, or a whole number of seconds since the epoch.
    private static func time(_ call: TemplateCall, _ index: Int) throws(TemplateFailure) -> TemplateTime {
        switch call[index] {
        case .time(let time): return time
        case .integer(let seconds): return TemplateTime(seconds: seconds)
        case let other: throw TemplateFailure("wrong type for value; expected time.Time; got \(other.typeName)")
        }
    }

    /// A text, as Loki has it, so that it goes into texts as well as into arithmetic.
    private static func decimal(_ call: TemplateCall, _ value: Int64) throws(TemplateFailure) -> TemplateValue {
        try call.make { $0.append(decimal: value) }
    }

    /// The unit follows from the number of digits: 5 days, 10 seconds, 13 milliseconds, 16 microseconds, 19 nanoseconds.
    @Sendable
    private static func fromUnix(_ call: TemplateCall) throws(TemplateFailure) -> TemplateValue {
        let text = try call.text(0)
        guard let number = NumberText.parseInteger(text) else {
            throw TemplateFailure("unable to parse time \(GoQuote.quoted(text))")
        }
        switch text.count {
        case 5: return .time(TemplateTime(seconds: number &* 86_400))
        case 10: return .time(TemplateTime(seconds: number))
        case 13: return .time(TemplateTime(nanosecondsSinceEpoch: number &* 1_000_000))
        case 16: return .time(TemplateTime(nanosecondsSinceEpoch: number &* 1000))
        case 19: return .time(TemplateTime(nanosecondsSinceEpoch: number))
        default:
            throw TemplateFailure(
                "unable to parse time \(GoQuote.quoted(text)): give days (5 digits), seconds (10), milliseconds (13), microseconds (16) or nanoseconds (19)"
            )
        }
    }
}
