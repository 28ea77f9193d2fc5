import Bedrock

/// Arithmetic. Texts count as the number that they hold, and as 0 when they hold none.
enum NumberFunctions {
    static let all: [TemplateFunction] = [
        TemplateFunction("int", 1) { call in .integer(integer(call[0])) },
        TemplateFunction("float64", 1) { call in .number(float(call[0])) },
        folded("add") { $0 &+ $1 }, folded("mul") { $0 &* $1 }, folded("max") { max($0, $1) },
        folded("min") { min($0, $1) },
        TemplateFunction("sub", 2) { call in .integer(integer(call[0]) &- integer(call[1])) },
        TemplateFunction("div", 2) { call throws(TemplateFailure) in .integer(try quotient(call).0) },
        TemplateFunction("mod", 2) { call throws(TemplateFailure) in .integer(try quotient(call).1) },
        foldedFloats("addf") { $0.adding($1) }, foldedFloats("subf") { $0.subtracting($1) },
        foldedFloats("mulf") { $0.multiplied(by: $1) },
        TemplateFunction("divf", 1...TemplateFunction.many) { call throws(TemplateFailure) in
            var value = SmallDecimal(float(call[0]))
            for argument in call.arguments.dropFirst() {
                let divisor = float(argument)
                guard divisor != 0 else { throw TemplateFailure("decimal division by 0") }
                value = value.divided(by: SmallDecimal(divisor))
            }
            return .number(value.value)
        },
        TemplateFunction("maxf", 1...TemplateFunction.many) { call in
            .number(call.arguments.dropFirst().reduce(float(call[0])) { max($0, float($1)) })
        },
        TemplateFunction("minf", 1...TemplateFunction.many) { call in
            .number(call.arguments.dropFirst().reduce(float(call[0])) { min($0, float($1)) })
        },
        TemplateFunction("ceil", 1) { call in .number(float(call[0]).rounded(.up)) },
        TemplateFunction("floor", 1) { call in .number(float(call[0]).rounded(.down)) },
        TemplateFunction("round", 2...3, rounded),
        TemplateFunction("bytes", 1) { call throws(TemplateFailure) in try converted(call, Conversion.bytes) },
        TemplateFunction("duration", 1) { call throws(TemplateFailure) in try converted(call, Conversion.seconds) },
        TemplateFunction("duration_seconds", 1) { call throws(TemplateFailure) in
            try converted(call, Conversion.seconds)
        },
    ]

    private static func folded(_ name: String, _ body: @escaping @Sendable (Int64, Int64) -> Int64) -> TemplateFunction
    {
        TemplateFunction(name, 1...TemplateFunction.many) { call in
            .integer(call.arguments.dropFirst().reduce(integer(call[0])) { body($0, integer($1)) })
        }
    }

    /// In decimal, so that 0.1 and 0.2 make 0.3, as long as the digits fit.
    private static func foldedFloats(
        _ name: String, _ body: @escaping @Sendable (SmallDecimal, SmallDecimal) -> SmallDecimal
    ) -> TemplateFunction {
        TemplateFunction(name, 1...TemplateFunction.many) { call in
            guard call.count > 1 else { return .number(float(call[0])) }
            let first = SmallDecimal(float(call[0]))
            return .number(call.arguments.dropFirst().reduce(first) { body($0, SmallDecimal(float($1))) }.value)
        }
    }

    private static func quotient(_ call: TemplateCall) throws(TemplateFailure) -> (Int64, Int64) {
        let divisor = integer(call[1])
        guard divisor != 0 else { throw TemplateFailure("integer divide by zero") }
        let value = integer(call[0])
        // The one quotient that does not fit.
        if divisor == -1 { return (0 &- value, 0) }
        return (value / divisor, value % divisor)
    }

    /// `round value digits [roundOn]`: up from `roundOn` (0.5) on.
    @Sendable
    private static func rounded(_ call: TemplateCall) throws(TemplateFailure) -> TemplateValue {
        let digits = try call.integer(1)
        guard abs(digits) <= 300 else { throw TemplateFailure("\(digits) digits are too many") }
        let roundOn = call.count > 2 ? float(call[2]) : 0.5
        var power = 1.0
        for _ in 0..<abs(digits) { power *= 10 }
        if digits < 0 { power = 1 / power }
        let shifted = float(call[0]) * power
        let fraction = shifted - shifted.rounded(.towardZero)
        return .number((fraction >= roundOn ? shifted.rounded(.up) : shifted.rounded(.down)) / power)
    }

    private static func converted(
        _ call: TemplateCall, _ body: (UnsafeRawBufferPointer) -> Conversion.Result
    ) throws(TemplateFailure) -> TemplateValue {
        switch body(try call.text(0)) {
        case .value(let value): return .number(value)
        case .failure(let failure): throw TemplateFailure(failure.description)
        }
    }

    static func integer(_ value: TemplateValue) -> Int64 {
        switch value {
        case .integer(let number), .duration(let number): return number
        case .number(let number): return whole(number)
        case .bool(let flag): return flag ? 1 : 0
        case .text(let text):
            if let number = NumberText.parseInteger(text), text[0] != UInt8(ascii: "0") || text.count == 1 {
                return number
            }
            return integer(String(decoding: text, as: UTF8.self))
        default: return 0
        }
    }

    private static func integer(_ text: String) -> Int64 {
        // `200.0` is whole.
        var whole = text[...]
        if let point = text.firstIndex(of: "."), text[text.index(after: point)...].allSatisfy({ $0 == "0" }) {
            whole = text[..<point]
        }
        return GoNumbers.integer(String(whole)) ?? 0
    }

    private static func whole(_ value: Double) -> Int64 {
        guard value.isFinite else { return 0 }
        return Int64(exactly: value.rounded(.towardZero)) ?? (value < 0 ? .min : .max)
    }

    static func float(_ value: TemplateValue) -> Double {
        switch value {
        case .integer(let number), .duration(let number): Double(number)
        case .number(let number): number
        case .bool(let flag): flag ? 1 : 0
        case .text(let text): NumberText.parseFloat(text, syntax: .go) ?? 0
        default: 0
        }
    }
}

/// A number as mantissa × 10^-places, as long as it fits; a double else.
struct SmallDecimal {
    private let mantissa: Int128
    private let places: Int
    private let fallback: Double?

    init(_ value: Double) {
        // The shortest digits that read back as the same number.
        var out = ByteBuffer(capacity: 32)
        out.append(float: value, .fixed)
        var mantissa: Int128 = 0
        var places = 0
        var sawPoint = false
        var digits = 0
        for byte in out.bytes {
            if byte == UInt8(ascii: ".") {
                sawPoint = true
            } else if byte &- 48 < 10 {
                digits += 1
                if digits > 36 { break }
                mantissa = mantissa * 10 + Int128(byte &- 48)
                if sawPoint { places += 1 }
            }
        }
        let fits = value.isFinite && digits <= 36
        self.mantissa = value.sign == .minus ? -mantissa : mantissa
        self.places = places
        fallback = fits ? nil : value
    }

    private init(_ mantissa: Int128, _ places: Int) {
        self.mantissa = mantissa
        self.places = places
        fallback = nil
    }

    private init(double: Double) {
        mantissa = 0
        places = 0
        fallback = double
    }

    var value: Double {
        if let fallback { return fallback }
        let digits = String(mantissa.magnitude)
        let text = (mantissa < 0 ? "-" : "") + digits + "e-\(places)"
        return NumberText.parseFloat(text) ?? 0
    }

    func adding(_ other: SmallDecimal) -> SmallDecimal {
        guard let (a, b, places) = aligned(other) else { return SmallDecimal(double: value + other.value) }
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? SmallDecimal(double: value + other.value) : SmallDecimal(sum, places)
    }

    func subtracting(_ other: SmallDecimal) -> SmallDecimal {
        guard let (a, b, places) = aligned(other) else { return SmallDecimal(double: value - other.value) }
        let (difference, overflow) = a.subtractingReportingOverflow(b)
        return overflow ? SmallDecimal(double: value - other.value) : SmallDecimal(difference, places)
    }

    func multiplied(by other: SmallDecimal) -> SmallDecimal {
        let (product, overflow) = mantissa.multipliedReportingOverflow(by: other.mantissa)
        guard fallback == nil, other.fallback == nil, !overflow else {
            return SmallDecimal(double: value * other.value)
        }
        return SmallDecimal(product, places + other.places)
    }

    /// To 16 decimal places, as Loki's library divides.
    func divided(by other: SmallDecimal) -> SmallDecimal {
        let shift = 16 + other.places - places
        guard fallback == nil, other.fallback == nil, other.mantissa != 0, shift >= 0,
            let scaled = SmallDecimal(mantissa, 0).scaled(to: shift)
        else { return SmallDecimal(double: value / other.value) }
        let (quotient, rest) = scaled.quotientAndRemainder(dividingBy: other.mantissa)
        let isUp = rest.magnitude >= other.mantissa.magnitude - rest.magnitude
        let step: Int128 = (scaled < 0) == (other.mantissa < 0) ? 1 : -1
        return SmallDecimal(isUp ? quotient + step : quotient, 16)
    }

    private func aligned(_ other: SmallDecimal) -> (Int128, Int128, Int)? {
        guard fallback == nil, other.fallback == nil else { return nil }
        let places = max(places, other.places)
        guard let a = scaled(to: places), let b = other.scaled(to: places) else { return nil }
        return (a, b, places)
    }

    private func scaled(to wanted: Int) -> Int128? {
        var result = mantissa
        for _ in places..<wanted {
            let (next, overflow) = result.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            result = next
        }
        return result
    }
}
