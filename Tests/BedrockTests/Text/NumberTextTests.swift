import Bedrock
import Testing

@Suite struct NumberTextTests {
    @Test(
        arguments: [
            ("0", 0.0), ("1", 1), ("-1.5", -1.5), ("+2", 2), (".5", 0.5), ("5.", 5), ("1e3", 1000), ("1E-3", 0.001),
            ("7.424100000000001e-05", 7.424100000000001e-05), ("12345678901234567890.1234567890", 12345678901234567168),
            ("0000000000000000000000000000000000000000001.2e-1", 0.12),
            ("9223372036854775808", 9_223_372_036_854_775_808),
            ("1e-400", 0), ("4.9e-324", .leastNonzeroMagnitude), ("1.7976931348623157e308", 1.7976931348623157e308),
            ("0.30000000000000004", 0.30000000000000004), ("+Inf", .infinity), ("-inf", -.infinity),
            ("infinity", .infinity),
            ("00000000000000000000000000000000001", 1), ("1e0000000000000000000000000000002", 100),
        ] as [(String, Double)])
    func readsDecimals(_ text: String, _ value: Double) {
        #expect(NumberText.parseFloat(text)?.bitPattern == value.bitPattern)
    }

    @Test func readsNaNAndMinusZero() {
        #expect(NumberText.parseFloat("NaN")?.isNaN == true)
        #expect(NumberText.parseFloat("nan")?.isNaN == true)
        #expect(NumberText.parseFloat("-0")?.sign == .minus)
    }

    @Test(arguments: [
        "", "+", "-", ".", "e1", "1e", "1e+", "true", "1.1.1", "1z", " 1", "1 ", "+nan", "infin", "--1", "1e999",
        "-1e999", "0x1p-3", "1_2",
        "0b1", "0O1", "in\u{0}", "1e5.0",
    ])
    func refusesDecimals(_ text: String) { #expect(NumberText.parseFloat(text) == nil) }

    @Test(
        arguments: [("0x1p-3", 0.125), ("-0X1.8P1", -3), ("1_23.50_0_0e+1_2", 1.235e14), ("0x_1p0", 1)]
            as [(String, Double)])
    func readsGoSyntax(_ text: String, _ value: Double) { #expect(NumberText.parseFloat(text, syntax: .go) == value) }

    @Test(arguments: ["0x1", "0xp1", "0x1.1.1p1", "0x1p", "_1", "1_", "1__2", "1_.5", "1._5", "-_1"])
    func refusesGoSyntax(_ text: String) { #expect(NumberText.parseFloat(text, syntax: .go) == nil) }

    @Test func readsIntegers() {
        #expect(NumberText.parseInteger("-9223372036854775808") == .min)
        #expect(NumberText.parseInteger("9223372036854775807") == .max)
        #expect(NumberText.parseInteger("+7") == 7)
        for bad in ["9223372036854775808", "", "-", "1.0", "99999999999999999999", "0x1"] {
            #expect(NumberText.parseInteger(bad) == nil)
        }
    }

    @Test func writesEveryStyle() {
        let cases: [(Double, fixed: String, exponent: String, general: String, api: String)] = [
            (0, "0", "0e+00", "0", "0"),
            (-0.0, "-0", "-0e+00", "-0", "-0"),
            (1, "1", "1e+00", "1", "1"),
            (1_000_000, "1000000", "1e+06", "1e+06", "1000000"),
            (123_456_789, "123456789", "1.23456789e+08", "1.23456789e+08", "123456789"),
            (1e20, "100000000000000000000", "1e+20", "1e+20", "100000000000000000000"),
            (1e21, "1000000000000000000000", "1e+21", "1e+21", "1e+21"),
            (-1e-7, "-0.0000001", "-1e-07", "-1e-07", "-1e-07"),
            (0.000001, "0.000001", "1e-06", "1e-06", "0.000001"),
            (0.0001, "0.0001", "1e-04", "0.0001", "0.0001"),
            (0.1, "0.1", "1e-01", "0.1", "0.1"),
            (1234.5, "1234.5", "1.2345e+03", "1234.5", "1234.5"),
            (123456.75, "123456.75", "1.2345675e+05", "123456.75", "123456.75"),
            (1234567.5, "1234567.5", "1.2345675e+06", "1.2345675e+06", "1234567.5"),
            (
                9_007_199_254_740_992, "9007199254740992", "9.007199254740992e+15", "9.007199254740992e+15",
                "9007199254740992"
            ),
            (.nan, "NaN", "NaN", "NaN", "NaN"),
            (.infinity, "+Inf", "+Inf", "+Inf", "+Inf"),
            (-.infinity, "-Inf", "-Inf", "-Inf", "-Inf"),
        ]
        for (value, fixed, exponent, general, api) in cases {
            #expect(NumberText.text(value, .fixed) == fixed)
            #expect(NumberText.text(value, .exponent) == exponent)
            #expect(NumberText.text(value, .general) == general)
            #expect(NumberText.text(value, .api) == api)
        }
        #expect(NumberText.text(.leastNonzeroMagnitude, .exponent) == "5e-324")
    }

    @Test func roundTripsAnyDouble() {
        var random = SeededGenerator(seed: 7)
        for i in 0..<20_000 {
            let bits = random.next()
            // Every other one near the numbers people have.
            let value =
                i.isMultiple(of: 2)
                ? Double(bitPattern: bits) : Double(Int64(bitPattern: bits) >> Int64(bits & 63)) / 1000
            guard value.isFinite else { continue }
            for style in [NumberText.Style.fixed, .exponent, .general, .api] {
                let text = NumberText.text(value, style)
                #expect(NumberText.parseFloat(text)?.bitPattern == value.bitPattern, "\(value) \(text)")
            }
        }
    }

    @Test func agreesWithTheSlowPath() {
        var random = SeededGenerator(seed: 8)
        for _ in 0..<20_000 {
            let digits = String(random.next() >> (random.next() & 63))
            let text = digits + "." + String(random.next() & 1023) + "e" + String(Int(random.next() % 60) - 30)
            #expect(NumberText.parseFloat(text)?.bitPattern == Double(text)?.bitPattern, "\(text)")
        }
    }

    @Test func writesIntegers() {
        var buffer = ByteBuffer()
        buffer.append(decimal: Int64.min)
        buffer.append(decimal: UInt64.max)
        buffer.append(decimal: 0)
        #expect(String(decoding: buffer.bytes, as: UTF8.self) == "-9223372036854775808184467440737095516150")
    }

    @Test func suggests() {
        let keys = ["scrape_interval", "scrape_timeout", "static_configs", "job"]
        #expect(Suggestion.nearest("scrape_intervall", in: keys) == "scrape_interval")
        #expect(Suggestion.nearest("scrape-interval", in: keys) == "scrape_interval")
        #expect(Suggestion.nearest("jbo", in: keys) == "job")
        #expect(Suggestion.nearest("nothing_like_it", in: keys) == nil)
        #expect(Suggestion.hint("statc_configs", in: keys) == " (did you mean \"static_configs\"?)")
    }
}
