import Testing

@testable import Dashboards

@Suite struct UnitFormatTests {
    @Test(arguments: [
        ("bytes", 0.0, "0 B"), ("bytes", 512, "512 B"), ("bytes", 1536, "1.50 KiB"), ("bytes", 8_589_934_592, "8 GiB"),
        ("bytes", 1_073_741_823, "1.00 GiB"), ("decbytes", 1_500_000, "1.50 MB"), ("Bps", 12_345, "12.3 kB/s"),
        ("binBps", 2_097_152, "2 MiB/s"), ("bps", 1e9, "1 Gb/s"), ("bits", 1024, "1 Kib"), ("percent", 43.21, "43.2%"),
        ("percentunit", 0.4321, "43.2%"), ("percentunit", 1, "100%"), ("s", 0.0123, "12.3 ms"), ("s", 90, "1.50 mins"),
        ("s", 3600, "1 hour"), ("s", 200_000, "2.31 days"), ("ms", 1500, "1.50 s"), ("ns", 2_500, "2.50 µs"),
        ("short", 999, "999"), ("short", 1234, "1.23 K"), ("short", 1_234_567, "1.23 Mil"),
        ("ops", 1500, "1.50 K ops/s"),
        ("reqps", 12.5, "12.5 req/s"), ("hertz", 2_400_000_000, "2.40 GHz"), ("celsius", 45.55, "45.5 °C"),
        ("rotrpm", 1200, "1200 rpm"), ("dtdurations", 93_784, "1d 2h"), ("bool", 1, "True"), ("bool_yes_no", 0, "No"),
        ("dateTimeAsIso", 1_700_000_000_000, "2023-11-14 22:13:20"), ("hex0x", 255, "0xFF"),
        ("sci", 123_456, "1.23e+05"),
        ("locale", 1_234_567, "1,234,567"), ("none", 0.1234, "0.123"), ("currencyUSD", 12, "$12"),
        ("suffix:/day", 3, "3/day"),
        ("si:mF", 5, "5 mF"), ("unheard-of", 3, "3 unheard-of"), ("short", -1500, "-1.50 K"), ("pps", 10, "10 p/s"),
        ("s", 0, "0 s"), ("bytes", .infinity, "∞"), ("s", .nan, "NaN"),
    ])
    func formats(_ unit: String, _ value: Double, _ expected: String) {
        #expect(UnitFormat(unit).format(value).text == expected)
    }

    @Test func decimalsAreKeptWhereAskedFor() {
        #expect(UnitFormat("bytes").format(8_589_934_592, decimals: 2).text == "8.00 GiB")
        #expect(UnitFormat("percent").format(99.999, decimals: 1).text == "100.0%")
        #expect(UnitFormat("short").format(-0.001, decimals: 0).text == "0")
    }

    @Test func timesFromNow() {
        let unit = UnitFormat("dateTimeFromNow")
        #expect(unit.format(1_000_000, now: 1_000_000 + 7_260_000).text == "2h 1m ago")
        #expect(unit.format(2_000_000, now: 1_000_000).text == "in 16m 40s")
    }

    @Test func axisLabelsOfOneStepDiffer() {
        let bytes = UnitFormat("bytes")
        #expect(bytes.axisLabel(2_147_483_648, step: 2_147_483_648, largest: 8e9, decimals: nil) == "2 GiB")
        #expect(UnitFormat("percentunit").axisLabel(0.25, step: 0.25, largest: 1, decimals: nil) == "25%")
        #expect(UnitFormat("short").axisLabel(0.25, step: 0.25, largest: 1, decimals: nil) == "0.25")
        #expect(UnitFormat("s").axisLabel(0.05, step: 0.05, largest: 0.1, decimals: nil) == "50 ms")
        #expect(UnitFormat("bytes").axisLabel(0, step: 1, largest: 3, decimals: nil) == "0")
    }

    @Test func extremesDoNotTrap() {
        for unit in [
            "bytes", "s", "dateTimeAsIso", "hex", "dtdurations", "locale", "short", "percent", "dateTimeFromNow",
            "clockms",
        ] {
            for value in [
                Double.greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, 1e18, -1e18, 9.3e18,
            ] {
                _ = UnitFormat(unit).format(value, now: .max / 2).text
                _ = UnitFormat(unit).format(value, decimals: 900).text
                _ = UnitFormat(unit).axisLabel(value, step: value, largest: value, decimals: nil)
            }
        }
    }
}

@Suite struct ValueTextTests {
    @Test(
        arguments: [
            ("red", 0xF2495C), ("#fff", 0xFFFFFF), ("#1F60C4", 0x1F60C4), ("#1F60C480", 0x1F60C4),
            ("rgba(50, 172, 45, 0.97)", 0x32AC2D), ("rgb(1,2,3)", 0x010203), ("semi-dark-blue", 0x3274D9),
        ] as [(String, UInt32)])
    func colors(_ text: String, _ hex: UInt32) { #expect(RGBColor(text)?.hex == hex) }

    @Test(arguments: ["", "transparent", "#12", "rgb(", "rgba(a,b,c)", "#gggggg", "text"])
    func noColors(_ text: String) { #expect(RGBColor(text) == nil) }

    @Test(
        arguments: [
            ("15s", 15_000), ("1h30m", 5_400_000), ("500ms", 500), ("1.5h", 5_400_000), ("30", 30_000),
            ("1d", 86_400_000),
        ] as [(String, Int64)])
    func durations(_ text: String, _ milliseconds: Int64) { #expect(DurationText.parse(text) == milliseconds) }

    @Test(arguments: ["", "h", "1x", "-", "1h-", "99999999999y", "1..2s"])
    func noDurations(_ text: String) { #expect(DurationText.parse(text) == nil) }

    @Test func durationTexts() {
        #expect(DurationText.prometheus(90_000) == "1m30s")
        #expect(DurationText.prometheus(0) == "0s")
        #expect(DurationText.short(86_400_000 * 3 + 4 * 3_600_000) == "3d 4h")
        #expect(DurationText.short(340) == "340ms")
        #expect(DurationText.short(.min) != "")
    }

    @Test func civilTimes() {
        #expect(CivilTime(0).dateText == "1970-01-01")
        #expect(CivilTime(951_782_400_000).dateText == "2000-02-29")
        #expect(CivilTime(-1).secondText == "23:59:59")
        #expect(CivilTime(0, .fixed(seconds: 5400)).minuteText == "01:30")
        #expect(CivilTime(0).weekday == 4)
        _ = CivilTime(.max)
        _ = CivilTime(.min)
        for day in stride(from: -200_000, to: 200_000, by: 37) {
            let date = CivilTime.date(daysSinceEpoch: day)
            #expect(CivilTime.daysSinceEpoch(year: date.year, month: date.month, day: date.day) == day)
        }
    }
}
