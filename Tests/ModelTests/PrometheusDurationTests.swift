import Model
import Testing

@Suite struct PrometheusDurationTests {
    @Test func parsesAndFormats() throws {
        for (text, milliseconds) in [
            ("0", 0), ("0s", 0), ("324ms", 324), ("3s", 3000), ("5m", 300_000), ("1h", 3_600_000), ("4d", 345_600_000),
            ("4d1h", 349_200_000), ("14d", 1_209_600_000), ("3w", 1_814_400_000), ("3w2d1h", 1_990_800_000),
            ("10y", 315_360_000_000), ("1h30m", 5_400_000), ("1y2w3d4h5m6s7ms", 33_019_506_007), ("0y0s", 0),
        ] as [(String, Int64)] {
            #expect(try PrometheusDuration.parse(text) == milliseconds, "\(text)")
        }
        for (milliseconds, text) in [
            (0, "0s"), (324, "324ms"), (3000, "3s"), (5_400_000, "1h30m"), (345_600_000, "4d"), (1_814_400_000, "3w"),
            (7_776_000_000, "90d"), (315_360_000_000, "10y"), (-180_000, "-3m"), (4180, "4s180ms"),
        ] as [(Int64, String)] {
            #expect(PrometheusDuration.format(milliseconds: milliseconds) == text)
        }
    }

    @Test func refusesWhatPrometheusRefuses() {
        func failure(_ text: String) -> String? {
            do {
                _ = try PrometheusDuration.parse(text)
                return nil
            } catch { return error.description }
        }
        #expect(failure("") == "empty duration string")
        for text in ["1", "1y1m1d", "-1w", "1.5d", "d", "5m1m", "1s1m", "99999999999999999999999s", "1 m", "m5"] {
            #expect(
                failure(text) == "not a valid duration string: \"\(text)\""
                    || failure(text)?.contains("unknown unit") == true, "\(text)")
        }
        #expect(failure("5y1hs") == "unknown unit \"hs\" in duration \"5y1hs\"")
        #expect(failure("294y") == "duration out of range")
        #expect(failure("200y200w99999999d") == "duration out of range")
        #expect(failure("18446744073709551615ms") == "duration out of range")
    }

    @Test func formattedDurationsParse() throws {
        var milliseconds: Int64 = 1
        while milliseconds < PrometheusDuration.millisecondsMax / 7 {
            #expect(try PrometheusDuration.parse(PrometheusDuration.format(milliseconds: milliseconds)) == milliseconds)
            milliseconds = milliseconds * 7 + 3
        }
    }
}
