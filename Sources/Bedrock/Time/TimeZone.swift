/// A time zone of the IANA database: how far east of UTC its clocks are, when. Immutable.
public struct TimeZone: Sendable {
    /// What holds from one transition to the next.
    struct Kind: Sendable {
        var offset: Int32
        var name: [UInt8]
    }

    /// Seconds since the epoch, ascending, and the kind from then on.
    let transitions: [(time: Int64, kind: Int)]
    let kinds: [Kind]
    /// What holds behind the last transition.
    let rule: TimeZoneRule?

    public static let utc = TimeZone(transitions: [], kinds: [Kind(offset: 0, name: Array("UTC".utf8))], rule: nil)

    /// Seconds east of UTC, and the abbreviation, at a time in seconds since the epoch.
    public func offset(at time: Int64) -> (offset: Int32, name: [UInt8]) {
        if let last = transitions.last, time >= last.time, let rule { return rule.offset(at: time) }
        if transitions.isEmpty, let rule { return rule.offset(at: time) }
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle].time <= time { low = middle + 1 } else { high = middle }
        }
        let kind = kinds[low == 0 ? 0 : transitions[low - 1].kind]
        return (kind.offset, kind.name)
    }

    /// As `offset(at:)`, for what the zone's clocks show (seconds as if it were UTC). Of two times that they show alike the first one counts;
    /// a time that they skip counts as if they hadn't yet.
    public func offset(shown: Int64) -> (offset: Int32, name: [UInt8]) {
        let before = offset(at: shown - 86_400)
        let after = offset(at: shown + 86_400)
        if before.offset == after.offset { return before }
        let early = offset(at: shown - Int64(before.offset))
        return early.offset == before.offset ? before : after
    }

    /// Reads a compiled zone (TZif, RFC 8536, any version).
    public init?(compiled bytes: [UInt8]) {
        guard let parsed = TimeZoneFile.read(bytes) else { return nil }
        self = parsed
    }

    init(transitions: [(time: Int64, kind: Int)], kinds: [Kind], rule: TimeZoneRule?) {
        self.transitions = transitions
        self.kinds = kinds
        self.rule = rule
    }
}

private enum TimeZoneFile {
    static func read(_ bytes: [UInt8]) -> TimeZone? {
        guard let first = Header(bytes, at: 0) else { return nil }
        // Versions from 2 on repeat everything with 8-byte times.
        guard first.version >= 2 else { return body(bytes, first, at: 44, timeBytes: 4, footer: nil) }
        let second = 44 + first.bodyBytes(timeBytes: 4)
        guard let header = Header(bytes, at: second) else { return nil }
        let footer = second + 44 + header.bodyBytes(timeBytes: 8)
        return body(bytes, header, at: second + 44, timeBytes: 8, footer: footer)
    }

    private struct Header {
        var version: Int
        var isUTC, isStandard, leaps, times, types, characters: Int

        init?(_ bytes: [UInt8], at start: Int) {
            guard bytes.count >= start + 44, bytes[start..<start + 4].elementsEqual("TZif".utf8) else { return nil }
            func count(_ i: Int) -> Int { Int(integer(bytes, start + 20 + i * 4, 4)) }
            version = bytes[start + 4] == 0 ? 1 : Int(bytes[start + 4]) - 48
            (isUTC, isStandard, leaps) = (count(0), count(1), count(2))
            (times, types, characters) = (count(3), count(4), count(5))
            let limit = 1 << 16
            guard [isUTC, isStandard, leaps, times, types, characters].allSatisfy({ $0 >= 0 && $0 < limit }), types > 0
            else { return nil }
        }

        func bodyBytes(timeBytes: Int) -> Int {
            times * (timeBytes + 1) + types * 6 + characters + leaps * (timeBytes + 4) + isStandard + isUTC
        }
    }

    private static func body(
        _ bytes: [UInt8], _ header: Header, at start: Int, timeBytes: Int, footer: Int?
    ) -> TimeZone? {
        guard bytes.count >= start + header.bodyBytes(timeBytes: timeBytes) else { return nil }
        let indexAt = start + header.times * timeBytes
        let typesAt = indexAt + header.times
        let namesAt = typesAt + header.types * 6
        var kinds: [TimeZone.Kind] = []
        for i in 0..<header.types {
            let at = typesAt + i * 6
            let nameStart = namesAt + Int(bytes[at + 5])
            guard nameStart < namesAt + header.characters else { return nil }
            let name = bytes[nameStart..<namesAt + header.characters].prefix { $0 != 0 }
            kinds.append(
                TimeZone.Kind(offset: Int32(truncatingIfNeeded: integer(bytes, at, 4)), name: Array(name)))
        }
        var transitions: [(time: Int64, kind: Int)] = []
        for i in 0..<header.times {
            let kind = Int(bytes[indexAt + i])
            let time = integer(bytes, start + i * timeBytes, timeBytes)
            guard kind < kinds.count, transitions.last.map({ $0.time < time }) ?? true else { return nil }
            transitions.append((time, kind))
        }
        var rule: TimeZoneRule?
        if let footer, footer < bytes.count, bytes[footer] == 10 {
            rule = TimeZoneRule(Array(bytes[(footer + 1)...].prefix { $0 != 10 }))
        }
        return TimeZone(transitions: transitions, kinds: kinds, rule: rule)
    }

    /// Big-endian, signed.
    private static func integer(_ bytes: [UInt8], _ start: Int, _ count: Int) -> Int64 {
        var value: Int64 = bytes[start] >= 0x80 ? -1 : 0
        for i in start..<start + count { value = value << 8 | Int64(bytes[i]) }
        return value
    }
}

/// The rule behind a zone's last transition, as POSIX writes it: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct TimeZoneRule: Sendable {
    private let standard: TimeZone.Kind
    private let summer: (kind: TimeZone.Kind, begin: Day, end: Day)?

    /// A weekday of a month (`M3.5.0/2`: the last Sunday of March at two), or a day of the year (`J60`, `59`).
    private struct Day: Sendable {
        var month = 0
        var week = 0
        var weekday = 0
        /// From 0; -1 for the form above.
        var dayOfYear = -1
        /// `J`: the 29th of February is never counted.
        var skipsLeapDay = false
        /// Seconds from midnight.
        var time = 7200

        /// As the clocks show it before the change.
        func seconds(year: Int) -> Int64 {
            if dayOfYear >= 0 {
                let isLeap = UTCTime.daysInMonth(year: year, month: 2) == 29
                let day = dayOfYear + (skipsLeapDay && isLeap && dayOfYear >= 59 ? 1 : 0)
                return (UTCTime.days(year: year, month: 1, day: 1) + Int64(day)) * 86_400 + Int64(time)
            }
            let first = UTCTime.days(year: year, month: month, day: 1)
            let firstWeekday = Int(((first + 4) % 7 + 7) % 7)
            var day = (weekday - firstWeekday + 7) % 7 + (week - 1) * 7
            if day >= UTCTime.daysInMonth(year: year, month: month) { day -= 7 }
            return (first + Int64(day)) * 86_400 + Int64(time)
        }
    }

    func offset(at time: Int64) -> (offset: Int32, name: [UInt8]) {
        guard let summer else { return (standard.offset, standard.name) }
        let bound = Int64.max / 1000 - 100_000
        let shown = min(max(time, -bound), bound) + Int64(standard.offset)
        let year = UTCTime(milliseconds: shown * 1000).year
        let begin = summer.begin.seconds(year: year) - Int64(standard.offset)
        let end = summer.end.seconds(year: year) - Int64(summer.kind.offset)
        let isSummer = begin < end ? time >= begin && time < end : time >= begin || time < end
        let kind = isSummer ? summer.kind : standard
        return (kind.offset, kind.name)
    }

    /// nil for what is no rule.
    init?(_ text: [UInt8]) {
        var scan = Scan(text: text)
        guard let name = scan.name(), let west = scan.time() else { return nil }
        standard = TimeZone.Kind(offset: Int32(-west), name: name)
        guard let summerName = scan.name() else {
            summer = nil
            guard scan.at == text.count else { return nil }
            return
        }
        var offset = Int32(-west) + 3600
        if !scan.skip(","), let given = scan.time() {
            offset = Int32(-given)
            guard scan.skip(",") else { return nil }
        }
        guard let begin = scan.day(), scan.skip(","), let end = scan.day(), scan.at == text.count else { return nil }
        summer = (TimeZone.Kind(offset: offset, name: summerName), begin, end)
    }

    private struct Scan {
        let text: [UInt8]
        var at = 0

        mutating func skip(_ sign: Unicode.Scalar) -> Bool {
            guard at < text.count, text[at] == UInt8(ascii: sign) else { return false }
            at += 1
            return true
        }

        mutating func name() -> [UInt8]? {
            let start = at
            if skip("<") {
                while at < text.count, text[at] != UInt8(ascii: ">") { at += 1 }
                guard skip(">") else { return nil }
                return Array(text[(start + 1)..<(at - 1)])
            }
            while at < text.count, (text[at] | 0x20) &- 97 < 26 { at += 1 }
            return at - start >= 3 ? Array(text[start..<at]) : nil
        }

        mutating func number(_ limit: Int) -> Int? {
            let start = at
            var value = 0
            while at < text.count, at - start < 3, text[at] &- 48 < 10 {
                value = value * 10 + Int(text[at] &- 48)
                at += 1
            }
            return at > start && value <= limit ? value : nil
        }

        /// Seconds of `[+-]hh[:mm[:ss]]`.
        mutating func time() -> Int? {
            let sign = skip("-") ? -1 : 1
            if sign == 1 { _ = skip("+") }
            guard let hours = number(167) else { return nil }
            var seconds = hours * 3600
            for unit in [60, 1] where skip(":") {
                guard let value = number(59) else { return nil }
                seconds += value * unit
            }
            return sign * seconds
        }

        mutating func day() -> Day? {
            var day = Day()
            if skip("M") {
                guard let month = number(12), month > 0, skip("."), let week = number(5), week > 0, skip("."),
                    let weekday = number(6)
                else { return nil }
                (day.month, day.week, day.weekday) = (month, week, weekday)
            } else {
                day.skipsLeapDay = skip("J")
                guard let number = number(366), number > 0 || !day.skipsLeapDay else { return nil }
                day.dayOfYear = day.skipsLeapDay ? number - 1 : number
            }
            if skip("/") {
                guard let time = time() else { return nil }
                day.time = time
            }
            return day
        }
    }
}
