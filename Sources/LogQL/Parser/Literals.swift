import Bedrock
import Model

/// Durations and sizes as queries spell them.
enum Literals {
    /// Nanoseconds of a Prometheus duration (`5d`, `1h30m`) or one of Go (`1.5h`, `10µs`); nil for neither.
    static func nanoseconds(_ text: String) -> Int64? {
        if text.utf8.last.map(Characters.isDigit) == true { return nil }
        if let milliseconds = try? PrometheusDuration.parse(text) { return milliseconds &* 1_000_000 }
        return GoDuration.parse(text)
    }

    /// Bytes of a size with a unit: `20MB`, `1.5KiB`; nil for anything else.
    static func bytes(_ text: String) -> UInt64? {
        var text = text
        return text.withUTF8 {
            guard case .value(let value) = Conversion.bytes(UnsafeRawBufferPointer($0)) else { return nil }
            return UInt64(exactly: value)
        }
    }

    /// A duration that `nanoseconds` reads.
    static func text(nanoseconds: Int64) -> String {
        if nanoseconds % 1_000_000 == 0 {
            return PrometheusDuration.format(milliseconds: nanoseconds / 1_000_000)
        }
        return GoDuration.text(nanoseconds)
    }

    /// A size that `bytes` reads: in the largest unit that divides it, of 1000 where that does.
    static func text(bytes: UInt64) -> String {
        let decimal = ["B", "KB", "MB", "GB", "TB", "PB"]
        let binary = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        for (base, names) in [(UInt64(1000), decimal), (1024, binary)] {
            var value = bytes
            var unit = 0
            while unit + 1 < names.count, value >= base, value % base == 0 {
                value /= base
                unit += 1
            }
            if unit > 0 { return String(value) + names[unit] }
        }
        return String(bytes) + "B"
    }
}
