import Bedrock

/// Go's layouts, which show how the time Mon Jan 2 15:04:05 MST 2006 would be written.
enum GoTimeLayout {
    static let months: [StaticString] = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    static let weekdays: [StaticString] = [
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ]

    static var goString: UnsafeRawBufferPointer {
        let layout: StaticString = "2006-01-02 15:04:05.999999999 -0700 MST"
        return UnsafeRawBufferPointer(start: layout.utf8Start, count: layout.utf8CodeUnitCount)
    }

    enum Element: Equatable {
        case literal
        case year, yearShort
        case month, monthZero, monthName, monthShort
        case day, dayZero, dayBlank, dayOfYearZero, dayOfYearBlank
        case weekday, weekdayShort
        case hour, hour12, hour12Zero
        case minute, minuteZero
        case second, secondZero
        /// Digits; whether zeros at the end are cut.
        case fraction(Int, cut: Bool)
        case noon(upper: Bool)
        case zoneName
        /// `Z07:00` and the like: whether UTC is `Z`, colons stand between, minutes and seconds follow.
        case zone(z: Bool, colons: Bool, minutes: Bool, seconds: Bool)
    }

    /// The longest first, where one begins like another.
    private static let elements: [(StaticString, Element)] = [
        ("January", .monthName), ("Jan", .monthShort), ("Monday", .weekday), ("Mon", .weekdayShort), ("MST", .zoneName),
        ("2006", .year), ("002", .dayOfYearZero), ("01", .monthZero), ("02", .dayZero), ("03", .hour12Zero),
        ("04", .minuteZero), ("05", .secondZero), ("06", .yearShort), ("15", .hour), ("1", .month),
        ("__2", .dayOfYearBlank),
        ("_2006", .literal), ("_2", .dayBlank), ("2", .day), ("3", .hour12), ("4", .minute), ("5", .second),
        ("PM", .noon(upper: true)), ("pm", .noon(upper: false)),
        ("-07:00:00", .zone(z: false, colons: true, minutes: true, seconds: true)),
        ("-070000", .zone(z: false, colons: false, minutes: true, seconds: true)),
        ("-07:00", .zone(z: false, colons: true, minutes: true, seconds: false)),
        ("-0700", .zone(z: false, colons: false, minutes: true, seconds: false)),
        ("-07", .zone(z: false, colons: false, minutes: false, seconds: false)),
        ("Z07:00:00", .zone(z: true, colons: true, minutes: true, seconds: true)),
        ("Z070000", .zone(z: true, colons: false, minutes: true, seconds: true)),
        ("Z07:00", .zone(z: true, colons: true, minutes: true, seconds: false)),
        ("Z0700", .zone(z: true, colons: false, minutes: true, seconds: false)),
        ("Z07", .zone(z: true, colons: false, minutes: false, seconds: false)),
    ]

    /// The element at `i`, and its length; a single literal byte where none is.
    static func element(_ layout: UnsafeRawBufferPointer, _ i: Int) -> (Element, Int) {
        let c = layout[i]
        if c == UInt8(ascii: ".") || c == UInt8(ascii: ",") { return fraction(layout, i) }
        // All that can begin an element.
        switch c {
        case UInt8(ascii: "J"), UInt8(ascii: "M"), UInt8(ascii: "0")...UInt8(ascii: "5"), UInt8(ascii: "_"),
            UInt8(ascii: "P"), UInt8(ascii: "p"), UInt8(ascii: "-"), UInt8(ascii: "Z"):
            break
        default: return (.literal, 1)
        }
        for (text, element) in elements where starts(layout, i, text) {
            // An underscore before a year is text.
            if element == .literal { return (.literal, 1) }
            if element == .monthShort || element == .weekdayShort {
                // "Janet" and "Month" are words.
                let next = i + 3
                if next < layout.count, layout[next] &- 97 < 26 { return (.literal, 1) }
            }
            return (element, text.utf8CodeUnitCount)
        }
        return (.literal, 1)
    }

    private static func starts(_ layout: UnsafeRawBufferPointer, _ i: Int, _ text: StaticString) -> Bool {
        guard i + text.utf8CodeUnitCount <= layout.count else { return false }
        for j in 0..<text.utf8CodeUnitCount where layout[i + j] != text.utf8Start[j] { return false }
        return true
    }

    /// `.000` or `.999`, not followed by another digit.
    private static func fraction(_ layout: UnsafeRawBufferPointer, _ i: Int) -> (Element, Int) {
        guard i + 1 < layout.count, layout[i + 1] == UInt8(ascii: "0") || layout[i + 1] == UInt8(ascii: "9") else {
            return (.literal, 1)
        }
        let digit = layout[i + 1]
        var end = i + 1
        while end < layout.count, layout[end] == digit { end += 1 }
        if end < layout.count, layout[end] &- 48 < 10 { return (.literal, 1) }
        return (.fraction(min(end - i - 1, 9), cut: digit == UInt8(ascii: "9")), end - i)
    }

    // MARK: Writing

    static func format(_ time: TemplateTime, _ layout: UnsafeRawBufferPointer, _ out: inout ByteBuffer) {
        let civil = time.civil
        var i = 0
        while i < layout.count {
            let (element, length) = element(layout, i)
            switch element {
            case .literal: out.append(layout[i])
            case .fraction(let digits, let cut): fraction(time, digits, cut, layout[i], &out)
            case .zoneName: time.zone.append(to: &out)
            case .zone(let z, let colons, let minutes, let seconds):
                zone(time.offset, z, colons, minutes, seconds, &out)
            default: number(element, civil, &out)
            }
            i += length
        }
    }

    private static func number(_ element: Element, _ civil: UTCTime, _ out: inout ByteBuffer) {
        let hour12 = civil.hour % 12 == 0 ? 12 : civil.hour % 12
        switch element {
        case .year: padded(civil.year, 4, 48, &out)
        case .yearShort: padded((civil.year % 100 + 100) % 100, 2, 48, &out)
        case .month: padded(civil.month, 1, 48, &out)
        case .monthZero: padded(civil.month, 2, 48, &out)
        case .monthName: out.append(utf8: months[civil.month - 1])
        case .monthShort: short(months[civil.month - 1], &out)
        case .weekday: out.append(utf8: weekdays[civil.weekday])
        case .weekdayShort: short(weekdays[civil.weekday], &out)
        case .day: padded(civil.day, 1, 48, &out)
        case .dayZero: padded(civil.day, 2, 48, &out)
        case .dayBlank: padded(civil.day, 2, 32, &out)
        case .dayOfYearZero: padded(civil.dayOfYear, 3, 48, &out)
        case .dayOfYearBlank: padded(civil.dayOfYear, 3, 32, &out)
        case .hour: padded(civil.hour, 2, 48, &out)
        case .hour12: padded(hour12, 1, 48, &out)
        case .hour12Zero: padded(hour12, 2, 48, &out)
        case .minute: padded(civil.minute, 1, 48, &out)
        case .minuteZero: padded(civil.minute, 2, 48, &out)
        case .second: padded(civil.second, 1, 48, &out)
        case .secondZero: padded(civil.second, 2, 48, &out)
        case .noon(let upper):
            let isMorning = civil.hour < 12
            out.append(
                utf8: upper ? (isMorning ? "AM" as StaticString : "PM") : (isMorning ? "am" as StaticString : "pm"))
        case .literal, .fraction, .zoneName, .zone: break
        }
    }

    private static func padded(_ value: Int, _ width: Int, _ fill: UInt8, _ out: inout ByteBuffer) {
        if value < 0 { out.append(UInt8(ascii: "-")) }
        var bound = 10
        var digits = 1
        while digits < width {
            if value.magnitude < UInt(bound) { out.append(fill) }
            bound *= 10
            digits += 1
        }
        out.append(decimal: value.magnitude)
    }

    private static func short(_ name: StaticString, _ out: inout ByteBuffer) {
        out.append(UnsafeRawBufferPointer(start: name.utf8Start, count: 3))
    }

    private static func fraction(
        _ time: TemplateTime, _ digits: Int, _ cut: Bool, _ point: UInt8, _ out: inout ByteBuffer
    ) {
        var scale: Int32 = 100_000_000
        var shown = digits
        if cut {
            var rest = time.nanoseconds
            for _ in digits..<9 { rest /= 10 }
            while shown > 0, rest % 10 == 0 {
                rest /= 10
                shown -= 1
            }
            if shown == 0 { return }
        }
        out.append(point)
        for _ in 0..<shown {
            out.append(48 + UInt8(truncatingIfNeeded: time.nanoseconds / scale % 10))
            scale /= 10
        }
    }

    private static func zone(
        _ offset: Int32, _ z: Bool, _ colons: Bool, _ minutes: Bool, _ seconds: Bool, _ out: inout ByteBuffer
    ) {
        if z, offset == 0 { return out.append(UInt8(ascii: "Z")) }
        out.append(offset < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
        let size = Int(offset.magnitude)
        padded(size / 3600, 2, 48, &out)
        if minutes {
            if colons { out.append(UInt8(ascii: ":")) }
            padded(size / 60 % 60, 2, 48, &out)
        }
        if seconds {
            if colons { out.append(UInt8(ascii: ":")) }
            padded(size % 60, 2, 48, &out)
        }
    }
}
