import Bedrock
import Model

/// Reads times by Go's layouts.
struct GoTimeParser {
    private let layout: UnsafeRawBufferPointer
    private let text: UnsafeRawBufferPointer
    private var at = 0
    private var year = 0
    private var month = 1
    private var day = 1
    private var hour = 0
    private var minute = 0
    private var second = 0
    private var nanoseconds: Int32 = 0
    private var isAfternoon: Bool?
    private var dayOfYear: Int?
    private var offset: Int32?
    private var zoneName: TemplateTime.ZoneName?

    /// The time that `text` says by `layout`; without a zone in it, in `zone`.
    static func parse(
        _ text: UnsafeRawBufferPointer, layout: UnsafeRawBufferPointer, zone: TimeZone
    ) throws(TemplateFailure) -> TemplateTime {
        var parser = GoTimeParser(layout: layout, text: text)
        return try parser.run(zone)
    }

    private init(layout: UnsafeRawBufferPointer, text: UnsafeRawBufferPointer) {
        self.layout = layout
        self.text = text
    }

    private func failure(_ element: UnsafeRawBufferPointer, _ note: String = "") -> TemplateFailure {
        func quote(_ bytes: some Sequence<UInt8>) -> String { quoted(String(decoding: Array(bytes), as: UTF8.self)) }
        if !note.isEmpty { return TemplateFailure("parsing time \(quote(text)): \(note)") }
        return TemplateFailure(
            "parsing time \(quote(text)) as \(quote(layout)): cannot parse \(quote(text[min(at, text.count)...])) as \(quote(element))"
        )
    }

    private mutating func run(_ zone: TimeZone) throws(TemplateFailure) -> TemplateTime {
        var i = 0
        while i < layout.count {
            let (element, length) = GoTimeLayout.element(layout, i)
            let part = UnsafeRawBufferPointer(rebasing: layout[i..<i + length])
            guard read(element, part, next: i + length) else { throw failure(part) }
            // Digits of a second that the layout doesn't mention are taken all the same.
            if element == .second || element == .secondZero { unaskedFraction(i + length) }
            i += length
        }
        guard at == text.count else {
            throw failure(layout, "extra text: \(quoted(String(decoding: text[at...], as: UTF8.self)))")
        }
        return try result(zone)
    }

    private func result(_ zone: TimeZone) throws(TemplateFailure) -> TemplateTime {
        var hour = hour
        if let isAfternoon { hour = hour % 12 + (isAfternoon ? 12 : 0) }
        guard (1...12).contains(month) else { throw failure(layout, "month out of range") }
        guard hour < 24 else { throw failure(layout, "hour out of range") }
        guard minute < 60 else { throw failure(layout, "minute out of range") }
        guard second < 60 else { throw failure(layout, "second out of range") }
        let days: Int64
        if let dayOfYear {
            guard dayOfYear >= 1, dayOfYear <= 366 else { throw failure(layout, "day-of-year out of range") }
            days = UTCTime.days(year: year, month: 1, day: 1) + Int64(dayOfYear - 1)
        } else {
            guard day >= 1, day <= UTCTime.daysInMonth(year: year, month: month) else {
                throw failure(layout, "day out of range")
            }
            days = UTCTime.days(year: year, month: month, day: day)
        }
        let shown = days * 86_400 + Int64(hour * 3600 + minute * 60 + second)
        if let offset {
            return TemplateTime(
                seconds: shown - Int64(offset), nanoseconds: nanoseconds, offset: offset,
                zone: zoneName ?? (offset == 0 ? .utc : TemplateTime.ZoneName([])))
        }
        let found = zone.offset(shown: shown)
        return TemplateTime(
            seconds: shown - Int64(found.offset), nanoseconds: nanoseconds, offset: found.offset,
            zone: zoneName ?? TemplateTime.ZoneName(found.name))
    }

    private mutating func read(_ element: GoTimeLayout.Element, _ part: UnsafeRawBufferPointer, next: Int) -> Bool {
        switch element {
        case .literal: return literal(part)
        case .year: return take(\.year, 4, 4)
        case .yearShort:
            guard take(\.year, 2, 2) else { return false }
            year += year >= 69 ? 1900 : 2000
            return true
        case .month: return take(\.month, 1, 2)
        case .monthZero: return take(\.month, 2, 2)
        case .monthName: return name(GoTimeLayout.months, isShort: false) { $0.month = $1 + 1 }
        case .monthShort: return name(GoTimeLayout.months, isShort: true) { $0.month = $1 + 1 }
        case .weekday: return name(GoTimeLayout.weekdays, isShort: false) { _, _ in }
        case .weekdayShort: return name(GoTimeLayout.weekdays, isShort: true) { _, _ in }
        case .day, .dayBlank:
            while at < text.count, text[at] == 32 { at += 1 }
            return take(\.day, 1, 2)
        case .dayZero: return take(\.day, 2, 2)
        case .dayOfYearZero, .dayOfYearBlank:
            while at < text.count, text[at] == 32 { at += 1 }
            guard let value = digits(element == .dayOfYearZero ? 3 : 1, 3) else { return false }
            dayOfYear = value
            return true
        case .hour: return take(\.hour, 1, 2)
        case .hour12: return take(\.hour, 1, 2)
        case .hour12Zero: return take(\.hour, 2, 2)
        case .minute: return take(\.minute, 1, 2)
        case .minuteZero: return take(\.minute, 2, 2)
        case .second: return take(\.second, 1, 2)
        case .secondZero: return take(\.second, 2, 2)
        case .fraction(let digits, let cut): return fraction(cut ? 9 : digits, isExact: !cut)
        case .noon: return noon()
        case .zoneName: return zoneAbbreviation()
        case .zone(let z, let colons, let minutes, let seconds): return zone(z, colons, minutes, seconds)
        }
    }

    /// A blank in the layout takes any number of them.
    private mutating func literal(_ part: UnsafeRawBufferPointer) -> Bool {
        if part[0] == 32 {
            while at < text.count, text[at] == 32 { at += 1 }
            return true
        }
        guard at < text.count, text[at] == part[0] else { return false }
        at += 1
        return true
    }

    private mutating func take(
        _ part: WritableKeyPath<GoTimeParser, Int>, _ digitsMin: Int, _ digitsMax: Int
    ) -> Bool {
        guard let number = digits(digitsMin, digitsMax) else { return false }
        self[keyPath: part] = number
        return true
    }

    private mutating func digits(_ countMin: Int, _ countMax: Int) -> Int? {
        let start = at
        var number = 0
        while at < text.count, at - start < countMax, text[at] &- 48 < 10 {
            number = number * 10 + Int(text[at] &- 48)
            at += 1
        }
        return at - start >= countMin ? number : nil
    }

    private mutating func name(_ names: [StaticString], isShort: Bool, _ body: (inout GoTimeParser, Int) -> Void)
        -> Bool
    {
        for (i, name) in names.enumerated() {
            let count = isShort ? 3 : name.utf8CodeUnitCount
            guard at + count <= text.count else { continue }
            if (0..<count).allSatisfy({ text[at + $0] | 0x20 == name.utf8Start[$0] | 0x20 }) {
                at += count
                body(&self, i)
                return true
            }
        }
        return false
    }

    private mutating func unaskedFraction(_ next: Int) {
        if next < layout.count, case .fraction = GoTimeLayout.element(layout, next).0 { return }
        guard at + 1 < text.count, text[at] == UInt8(ascii: ".") || text[at] == UInt8(ascii: ","),
            text[at + 1] &- 48 < 10
        else { return }
        _ = fraction(9, isExact: false)
    }

    /// `.123`; with `isExact` exactly so many digits, else any number or none at all.
    private mutating func fraction(_ digits: Int, isExact: Bool) -> Bool {
        guard at < text.count, text[at] == UInt8(ascii: ".") || text[at] == UInt8(ascii: ",") else { return !isExact }
        at += 1
        let start = at
        var value: Int32 = 0
        var scale: Int32 = 100_000_000
        while at < text.count, text[at] &- 48 < 10, !isExact || at - start < digits {
            value += Int32(text[at] &- 48) * scale
            scale /= 10
            at += 1
        }
        nanoseconds = value
        return isExact ? at - start == digits : at > start
    }

    private mutating func noon() -> Bool {
        guard at + 1 < text.count, text[at + 1] | 0x20 == UInt8(ascii: "m") else { return false }
        switch text[at] | 0x20 {
        case UInt8(ascii: "a"): isAfternoon = false
        case UInt8(ascii: "p"): isAfternoon = true
        default: return false
        }
        at += 2
        return true
    }

    /// Three to five capital letters. Only UTC says where it lies; others count as such an abbreviation at offset 0.
    private mutating func zoneAbbreviation() -> Bool {
        let start = at
        while at < text.count, at - start < 5, text[at] &- 65 < 26 { at += 1 }
        guard at - start >= 3 else { return false }
        let name = UnsafeRawBufferPointer(rebasing: text[start..<at])
        zoneName = TemplateTime.ZoneName(name)
        if offset == nil { offset = 0 }
        return true
    }

    private mutating func zone(_ z: Bool, _ colons: Bool, _ minutes: Bool, _ seconds: Bool) -> Bool {
        guard at < text.count else { return false }
        if z, text[at] == UInt8(ascii: "Z") {
            at += 1
            offset = 0
            return true
        }
        let sign: Int32 = text[at] == UInt8(ascii: "-") ? -1 : 1
        guard text[at] == UInt8(ascii: "-") || text[at] == UInt8(ascii: "+") else { return false }
        at += 1
        var parts = [0, 0, 0]
        for i in 0..<(seconds ? 3 : minutes ? 2 : 1) {
            if i > 0, colons {
                guard at < text.count, text[at] == UInt8(ascii: ":") else { return false }
                at += 1
            }
            guard let value = digits(2, 2) else { return false }
            parts[i] = value
        }
        guard parts[0] <= 24, parts[1] < 60, parts[2] < 60 else { return false }
        offset = sign * Int32(parts[0] * 3600 + parts[1] * 60 + parts[2])
        return true
    }
}
