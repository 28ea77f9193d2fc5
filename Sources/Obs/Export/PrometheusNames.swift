import Bedrock
import Instruments
import Model

/// Names of OpenTelemetry as Prometheus has them (OpenTelemetry "Prometheus and OpenMetrics compatibility"): whatever the name, the
/// exposition stays readable.
enum PrometheusNames {
    private static let units = [
        "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds",
        "ns": "nanoseconds", "By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes",
        "KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "m": "meters", "V": "volts", "A": "amperes",
        "J": "joules", "W": "watts", "g": "grams", "Cel": "celsius", "Hz": "hertz", "%": "percent",
    ]
    private static let rates = ["s": "second", "m": "minute", "min": "minute", "h": "hour", "d": "day"]

    /// The family's name, its `_total` included.
    static func family(_ description: MetricDescription) -> String {
        var name = collapsed(InstrumentName.safe(description.name))
        let isCounter = description.kind == .counter
        if isCounter, name.hasSuffix("_total") { name.removeLast(6) }
        let unit = unit(description.unit, isGauge: description.kind == .gauge)
        if !unit.isEmpty, !name.hasSuffix("_" + unit), name != unit { name += "_" + unit }
        return isCounter ? name + "_total" : name
    }

    private static func unit(_ text: String, isGauge: Bool) -> String {
        if text == "1" { return isGauge ? "ratio" : "" }
        var plain = ""
        var depth = 0
        for character in text {
            if character == "{" { depth += 1 }
            if depth == 0 { plain.append(character) }
            if character == "}" { depth = max(0, depth - 1) }
        }
        let parts = plain.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let first = parts.first.map { units[$0] ?? $0 } ?? ""
        let second = parts.count > 1 ? rates[parts[1]] ?? parts[1] : ""
        let joined = second.isEmpty ? first : first + (first.isEmpty ? "per_" : "_per_") + second
        return joined.isEmpty ? "" : trimmed(collapsed(InstrumentName.safe(joined)))
    }

    /// Without runs of underscores.
    private static func collapsed(_ name: String) -> String {
        var out: [UInt8] = []
        for byte in name.utf8 where !(byte == UInt8(ascii: "_") && out.last == UInt8(ascii: "_")) { out.append(byte) }
        return String(decoding: out, as: UTF8.self)
    }

    private static func trimmed(_ name: String) -> String {
        var name = name[...]
        while name.hasPrefix("_") { name = name.dropFirst() }
        while name.hasSuffix("_") { name = name.dropLast() }
        return String(name)
    }

    /// Labels as an exposition has them between the braces. Names that become equal share a label, their values joined by `;`.
    static func labels(_ attributes: [Attribute]) -> String {
        var labels: [(name: String, value: String)] = []
        for attribute in attributes {
            let name = label(attribute.key)
            let value = text(attribute.value)
            if let at = labels.firstIndex(where: { $0.name == name }) {
                labels[at].value += ";" + value
            } else {
                labels.append((name, value))
            }
        }
        var buffer = ByteBuffer(capacity: 64)
        for (index, label) in labels.enumerated() {
            if index > 0 { buffer.append(UInt8(ascii: ",")) }
            buffer.append(utf8: label.name)
            buffer.append(utf8: "=\"" as StaticString)
            buffer.append(escaped: label.value, quotes: true)
            buffer.append(UInt8(ascii: "\""))
        }
        return String(decoding: buffer.bytes, as: UTF8.self)
    }

    private static func label(_ key: String) -> String {
        let safe = InstrumentName.safe(key).utf8.map { $0 == UInt8(ascii: ":") ? UInt8(ascii: "_") : $0 }
        let name = String(decoding: safe, as: UTF8.self)
        // `le` and `quantile` are the histograms' own, names with two underscores the server's.
        if name == "le" || name == "quantile" { return "exported_" + name }
        return name.hasPrefix("__") ? "key" + name : name
    }

    /// A value as text; containers as JSON would have them, roughly.
    static func text(_ value: AttributeValue) -> String {
        switch value {
        case .empty: ""
        case .string(let text): text
        case .bool(let bool): bool ? "true" : "false"
        case .int(let int): String(int)
        case .double(let double): NumberText.text(double)
        case .bytes(let bytes): base64(bytes)
        case .array(let values): "[" + values.map(text).joined(separator: ",") + "]"
        case .map(let members): "{" + members.map { $0.key + ":" + text($0.value) }.joined(separator: ",") + "}"
        }
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        var buffer = ByteBuffer()
        bytes.withUnsafeBytes { Base64.encode($0, into: &buffer) }
        return String(decoding: buffer.bytes, as: UTF8.self)
    }
}
