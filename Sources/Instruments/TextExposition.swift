import Bedrock

/// Writes a registry's state as text: Prometheus' format 0.0.4 or OpenMetrics 1.0.
public struct TextExposition: InstrumentVisitor, ~Copyable {
    private var buffer = ByteBuffer(capacity: 16 << 10)
    private let isOpenMetrics: Bool

    private init(isOpenMetrics: Bool) { self.isOpenMetrics = isOpenMetrics }

    /// The whole exposition of `registry`.
    public static func write(_ registry: InstrumentRegistry, openMetrics: Bool = false) -> [UInt8] {
        var exposition = TextExposition(isOpenMetrics: openMetrics)
        registry.collect(into: &exposition)
        if openMetrics { exposition.buffer.append(utf8: "# EOF\n" as StaticString) }
        return exposition.buffer.array()
    }

    public mutating func beginFamily(_ name: String, kind: InstrumentKind, help: String) {
        // OpenMetrics names the family of a counter without its suffix.
        let family = isOpenMetrics && kind == .counter && name.hasSuffix("_total") ? String(name.dropLast(6)) : name
        buffer.append(utf8: "# HELP " as StaticString)
        buffer.append(utf8: family)
        buffer.append(UInt8(ascii: " "))
        buffer.append(escaped: help, quotes: isOpenMetrics)
        buffer.append(utf8: "\n# TYPE " as StaticString)
        buffer.append(utf8: family)
        buffer.append(UInt8(ascii: " "))
        buffer.append(utf8: kind.rawValue)
        buffer.append(UInt8(ascii: "\n"))
    }

    public mutating func sample(
        _ series: InstrumentSeries, suffix: StaticString, extra: (name: String, value: String)?, value: Double
    ) {
        buffer.append(utf8: series.family)
        buffer.append(utf8: suffix)
        if !series.text.isEmpty || extra != nil {
            buffer.append(UInt8(ascii: "{"))
            buffer.append(utf8: series.text)
            if let extra {
                if !series.text.isEmpty { buffer.append(UInt8(ascii: ",")) }
                Self.append(extra.name, extra.value, to: &buffer)
            }
            buffer.append(UInt8(ascii: "}"))
        }
        buffer.append(UInt8(ascii: " "))
        buffer.append(float: value, .api)
        buffer.append(UInt8(ascii: "\n"))
    }

    static func labels(_ labels: [(name: String, value: String)]) -> String {
        var buffer = ByteBuffer(capacity: 64)
        for (index, label) in labels.enumerated() {
            if index > 0 { buffer.append(UInt8(ascii: ",")) }
            append(label.name, label.value, to: &buffer)
        }
        return String(decoding: buffer.bytes, as: UTF8.self)
    }

    private static func append(_ name: String, _ value: String, to buffer: inout ByteBuffer) {
        buffer.append(utf8: name)
        buffer.append(utf8: "=\"" as StaticString)
        buffer.append(escaped: value, quotes: true)
        buffer.append(UInt8(ascii: "\""))
    }
}
