import Bedrock

/// Times as senders of JSON documents write them.
enum DocumentTime {
    /// Nanoseconds since the epoch of an RFC 3339 text, or of a number of seconds, milliseconds, microseconds or nanoseconds, told apart by its
    /// size as VictoriaLogs does; nil for anything else.
    static func parse(_ text: UnsafeRawBufferPointer) -> Int64? {
        if let number = NumberText.parseInteger(text) { return scaled(number) }
        if let time = RFC3339.nanoseconds(text) { return time }
        guard let seconds = NumberText.parseFloat(text), seconds.magnitude < 9.2e9 else { return nil }
        return Int64((seconds * 1e9).rounded())
    }

    private static func scaled(_ number: Int64) -> Int64 {
        switch number.magnitude {
        case ..<100_000_000_000: multiply(number, 1_000_000_000)
        case ..<100_000_000_000_000: multiply(number, 1_000_000)
        case ..<100_000_000_000_000_000: multiply(number, 1000)
        default: number
        }
    }

    private static func multiply(_ number: Int64, _ factor: Int64) -> Int64 {
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? (number < 0 ? .min : .max) : product
    }
}
