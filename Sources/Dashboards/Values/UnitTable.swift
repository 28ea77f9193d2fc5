/// How a Grafana unit id turns a number into text.
enum UnitRule: Sendable {
    /// The number as it is, with a suffix.
    case plain(String)
    /// A currency sign or such in front.
    case prefixed(String)
    /// Powers of 1000 with one of `steps` behind the number, then `suffix`. `scale` brings the value to the base unit first.
    case scaled(steps: ScaleSteps, suffix: String, scale: Double)
    /// A span of time, in seconds per unit of the value; the fitting unit is chosen.
    case time(secondsPerUnit: Double)
    /// `3d 04:05:06`-like clock spans and `1 hour 2 minutes` spans, in seconds per unit.
    case span(secondsPerUnit: Double)
    /// Milliseconds since the epoch as date and time.
    case date(DateStyle)
    case percent(factor: Double)
    case truth(yes: String, no: String)
    case hexadecimal(prefix: String)
    case scientific
    case grouped
    case text

    enum ScaleSteps: Sendable {
        /// K, Mil, Bil, Tri as `short` shows them.
        case short
        /// k, M, G with u, m below one.
        case decimal
        /// Ki, Mi, Gi.
        case binary
    }

    enum DateStyle: Sendable {
        case iso
        case fromNow
        case clock
    }
}

enum UnitTable {
    static func rule(_ id: String) -> UnitRule {
        if let known = table[id] { return known }
        for (prefix, make) in families where id.hasPrefix(prefix) { return make(String(id.dropFirst(prefix.count))) }
        return .plain(id.isEmpty ? "" : " " + id)
    }

    private static let families: [(String, @Sendable (String) -> UnitRule)] = [
        ("prefix:", { .prefixed($0) }), ("suffix:", { .plain($0) }), ("si:", { siRule($0) }),
        ("time:", { _ in .date(.iso) }), ("count:", { .scaled(steps: .short, suffix: " " + $0, scale: 1) }),
        ("currency:", { .prefixed($0) }), ("currency", { .prefixed(currencySigns[$0] ?? $0 + " ") }),
        ("bool:", { truthRule($0) }),
    ]

    /// `si:mF` means that values are in milli-F.
    private static func siRule(_ text: String) -> UnitRule {
        let scales: [Character: Double] = ["n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9]
        guard text.count > 1, let first = text.first, let scale = scales[first] else {
            return .scaled(steps: .decimal, suffix: text, scale: 1)
        }
        return .scaled(steps: .decimal, suffix: String(text.dropFirst()), scale: scale)
    }

    private static func truthRule(_ text: String) -> UnitRule {
        let parts = text.split(separator: "/", maxSplits: 1).map(String.init)
        return .truth(yes: parts.first ?? "True", no: parts.count > 1 ? parts[1] : "False")
    }

    private static let currencySigns = [
        "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "BTC": "₿", "KRW": "₩", "CHF": "CHF ",
    ]

    private static let table: [String: UnitRule] = {
        var table: [String: UnitRule] = [
            "": .plain(""), "none": .plain(""), "short": .scaled(steps: .short, suffix: "", scale: 1),
            "percent": .percent(factor: 1), "percentunit": .percent(factor: 100), "humidity": .plain("%H"),
            "dB": .plain(" dB"), "dBm": .plain(" dBm"), "hex0x": .hexadecimal(prefix: "0x"),
            "hex": .hexadecimal(prefix: ""), "sci": .scientific, "locale": .grouped, "string": .text,
            "bool": .truth(yes: "True", no: "False"), "bool_yes_no": .truth(yes: "Yes", no: "No"),
            "bool_on_off": .truth(yes: "On", no: "Off"), "celsius": .plain(" °C"), "fahrenheit": .plain(" °F"),
            "kelvin": .plain(" K"), "degree": .plain("°"), "radian": .plain(" rad"), "rotrpm": .plain(" rpm"),
            "rothz": .scaled(steps: .decimal, suffix: "Hz", scale: 1),
            "lengthm": .scaled(steps: .decimal, suffix: "m", scale: 1),
            "lengthkm": .plain(" km"), "velocityms": .plain(" m/s"), "ppm": .plain(" ppm"),
            "dateTimeAsIso": .date(.iso), "dateTimeAsIsoNoDateIfToday": .date(.clock), "dateTimeAsUS": .date(.iso),
            "dateTimeAsLocal": .date(.iso), "dateTimeAsSystem": .date(.iso), "dateTimeFromNow": .date(.fromNow),
            "ns": .time(secondsPerUnit: 1e-9), "µs": .time(secondsPerUnit: 1e-6), "us": .time(secondsPerUnit: 1e-6),
            "ms": .time(secondsPerUnit: 1e-3), "s": .time(secondsPerUnit: 1), "m": .time(secondsPerUnit: 60),
            "h": .time(secondsPerUnit: 3600), "d": .time(secondsPerUnit: 86_400),
            "dtdurationms": .span(secondsPerUnit: 1e-3),
            "dtdurations": .span(secondsPerUnit: 1), "dthms": .span(secondsPerUnit: 1),
            "dtdhms": .span(secondsPerUnit: 1),
            "clockms": .span(secondsPerUnit: 1e-3), "clocks": .span(secondsPerUnit: 1),
            "timeticks": .span(secondsPerUnit: 0.01), "reqpm": .plain(" req/m"), "cpm": .plain(" c/m"),
        ]
        for (id, suffix) in [
            ("hertz", "Hz"), ("watt", "W"), ("volt", "V"), ("amp", "A"), ("joule", "J"), ("ohm", "Ω"), ("farad", "F"),
            ("lumens", "lm"), ("hz", "Hz"),
        ] {
            table[id] = .scaled(steps: .decimal, suffix: suffix, scale: 1)
        }
        for (id, suffix) in [
            ("kwatt", "W"), ("kwatth", "Wh"), ("kvolt", "V"),
        ] {
            table[id] = .scaled(steps: .decimal, suffix: suffix, scale: 1000)
        }
        table["watth"] = .scaled(steps: .decimal, suffix: "Wh", scale: 1)
        table["mvolt"] = .scaled(steps: .decimal, suffix: "V", scale: 1e-3)
        table["mamp"] = .scaled(steps: .decimal, suffix: "A", scale: 1e-3)
        for (id, suffix) in [
            ("cps", " c/s"), ("ops", " ops/s"), ("reqps", " req/s"), ("rps", " rd/s"), ("wps", " wr/s"),
            ("iops", " io/s"),
            ("eps", " evt/s"), ("mps", " msg/s"), ("recps", " rec/s"), ("rowsps", " rows/s"), ("pps", " p/s"),
            ("opm", " ops/m"), ("rpm", " rd/m"), ("wpm", " wr/m"),
        ] {
            table[id] = .scaled(steps: .short, suffix: suffix, scale: 1)
        }
        for (id, suffix, scale) in [
            ("bytes", "B", 1.0), ("kbytes", "B", 1024), ("mbytes", "B", 1_048_576), ("gbytes", "B", 1_073_741_824),
            ("tbytes", "B", 1_099_511_627_776), ("bits", "b", 1), ("binBps", "B/s", 1), ("binbps", "b/s", 1),
            ("KiBs", "B/s", 1024), ("MiBs", "B/s", 1_048_576), ("GiBs", "B/s", 1_073_741_824),
            ("Kibits", "b/s", 1024), ("Mibits", "b/s", 1_048_576),
        ] {
            table[id] = .scaled(steps: .binary, suffix: suffix, scale: scale)
        }
        for (id, suffix, scale) in [
            ("decbytes", "B", 1.0), ("deckbytes", "B", 1e3), ("decmbytes", "B", 1e6), ("decgbytes", "B", 1e9),
            ("dectbytes", "B", 1e12), ("decbits", "b", 1), ("Bps", "B/s", 1), ("bps", "b/s", 1), ("KBs", "B/s", 1e3),
            ("MBs", "B/s", 1e6), ("GBs", "B/s", 1e9), ("Kbits", "b/s", 1e3), ("Mbits", "b/s", 1e6),
            ("Gbits", "b/s", 1e9),
        ] {
            table[id] = .scaled(steps: .decimal, suffix: suffix, scale: scale)
        }
        return table
    }()
}
