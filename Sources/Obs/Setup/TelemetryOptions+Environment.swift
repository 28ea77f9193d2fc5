import Bedrock
import Glibc
import Model
import Transport

extension TelemetryOptions {
    /// The variables of the OpenTelemetry specification ("Environment variable specification") out of `variables`. A value that cannot be
    /// used is reported when the telemetry starts, and the default stays.
    public init(environment variables: [String: String]) {
        self.init()
        var reader = VariableReader(variables)
        isDisabled = reader.bool("OTEL_SDK_DISABLED") ?? false
        readResource(&reader)
        readDestinations(&reader)
        readMetrics(&reader)
        readRecords(&reader)
        readSampler(&reader)
        if let names = reader.list("OTEL_PROPAGATORS") {
            propagators = names.compactMap { name in
                if name == "none" { return nil }
                guard let known = Propagator(rawValue: name) else {
                    reader.complain("OTEL_PROPAGATORS", "knows tracecontext, baggage and none, not \"\(name)\"")
                    return nil
                }
                return known
            }
        }
        problems = reader.problems
    }

    /// As `init(environment:)`, of this process' own environment.
    public static func fromEnvironment() -> TelemetryOptions { TelemetryOptions(environment: processEnvironment()) }

    static func processEnvironment() -> [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return variables
    }

    private mutating func readResource(_ reader: inout VariableReader) {
        for (key, value) in reader.pairs("OTEL_RESOURCE_ATTRIBUTES") { resource[key] = .string(value) }
        if let name = reader.text("OTEL_SERVICE_NAME") { resource["service.name"] = .string(name) }
    }

    private mutating func readDestinations(_ reader: inout VariableReader) {
        traces = destination("TRACES", "v1/traces", traces, &reader)
        metrics = destination("METRICS", "v1/metrics", metrics, &reader)
        logs = destination("LOGS", "v1/logs", logs, &reader)
    }

    /// A variable of one signal comes before the general one; the general endpoint gets the signal's path.
    private func destination(
        _ signal: String, _ path: String, _ preset: Destination, _ reader: inout VariableReader
    ) -> Destination {
        var destination = preset
        if let exporter = reader.text("OTEL_\(signal)_EXPORTER") {
            switch exporter {
            case "otlp": break
            case "none": destination.isEnabled = false
            default:
                reader.complain("OTEL_\(signal)_EXPORTER", "knows otlp and none, not \"\(exporter)\"; using otlp")
            }
        }
        let own = "OTEL_EXPORTER_OTLP_\(signal)_"
        let general = "OTEL_EXPORTER_OTLP_"
        if let url = reader.url(own + "ENDPOINT") {
            destination.url = url
        } else if let base = reader.url(general + "ENDPOINT") {
            destination.url = (base.hasSuffix("/") ? base : base + "/") + path
        }
        let name = reader.text(own + "HEADERS") == nil ? general + "HEADERS" : own + "HEADERS"
        for (key, value) in reader.pairs(name) { destination.headers.add(key, value) }
        for name in [own + "PROTOCOL", general + "PROTOCOL"] {
            guard let wanted = reader.text(name) else { continue }
            if wanted != "http/protobuf" { reader.complain(name, "knows http/protobuf, not \"\(wanted)\"") }
            break
        }
        for name in [own + "COMPRESSION", general + "COMPRESSION"] {
            guard let wanted = reader.text(name) else { continue }
            if let known = Compression(rawValue: wanted) {
                destination.compression = known
            } else {
                reader.complain(name, "knows gzip, zstd and none, not \"\(wanted)\"")
            }
            break
        }
        if let milliseconds = reader.number(own + "TIMEOUT", 1...3_600_000)
            ?? reader.number(general + "TIMEOUT", 1...3_600_000)
        {
            destination.timeoutSeconds = Double(milliseconds) / 1000
        }
        destination.tls.authoritiesFile = reader.text(own + "CERTIFICATE") ?? reader.text(general + "CERTIFICATE")
        destination.tls.certificateFile =
            reader.text(own + "CLIENT_CERTIFICATE") ?? reader.text(general + "CLIENT_CERTIFICATE")
        destination.tls.keyFile = reader.text(own + "CLIENT_KEY") ?? reader.text(general + "CLIENT_KEY")
        return destination
    }

    private mutating func readMetrics(_ reader: inout VariableReader) {
        if let milliseconds = reader.number("OTEL_METRIC_EXPORT_INTERVAL", 1...86_400_000) {
            metricIntervalSeconds = Double(milliseconds) / 1000
        }
        let name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
        if let wanted = reader.text(name) {
            if let known = Temporality(rawValue: wanted.lowercased()) {
                temporality = known
            } else {
                reader.complain(name, "knows cumulative, delta and lowmemory, not \"\(wanted)\"")
            }
        }
        let histograms = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
        switch reader.text(histograms) {
        case nil, "explicit_bucket_histogram": break
        case "base2_exponential_bucket_histogram":
            views.append(View(instrument: "*", aggregation: .exponential()))
        case let other?:
            reader.complain(
                histograms,
                "knows explicit_bucket_histogram and base2_exponential_bucket_histogram, not \"\(other)\"")
        }
    }

    private mutating func readRecords(_ reader: inout VariableReader) {
        reader.batching("OTEL_BSP_", &spans)
        reader.batching("OTEL_BLRP_", &logRecords)
        let count = 0...100_000
        if let n = reader.number("OTEL_ATTRIBUTE_COUNT_LIMIT", count) {
            spanLimits.attributesMax = n
            logLimits.attributesMax = n
        }
        if let n = reader.number("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", 0...1 << 20) {
            spanLimits.valueBytesMax = n
            logLimits.valueBytesMax = n
        }
        if let n = reader.number("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", count) { spanLimits.attributesMax = n }
        if let n = reader.number("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", 0...1 << 20) { spanLimits.valueBytesMax = n }
        if let n = reader.number("OTEL_SPAN_EVENT_COUNT_LIMIT", count) { spanLimits.eventsMax = n }
        if let n = reader.number("OTEL_SPAN_LINK_COUNT_LIMIT", count) { spanLimits.linksMax = n }
        if let n = reader.number("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", count) { spanLimits.attributesPerEventMax = n }
        if let n = reader.number("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", count) { logLimits.attributesMax = n }
        if let n = reader.number("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", 0...1 << 20) {
            logLimits.valueBytesMax = n
        }
    }

    private mutating func readSampler(_ reader: inout VariableReader) {
        guard let name = reader.text("OTEL_TRACES_SAMPLER") else { return }
        let argument = reader.text("OTEL_TRACES_SAMPLER_ARG")
        var ratio = 1.0
        if name.hasSuffix("traceidratio"), let argument {
            if let value = Double(argument), (0...1).contains(value) {
                ratio = value
            } else {
                reader.complain("OTEL_TRACES_SAMPLER_ARG", "is a ratio from 0 to 1, not \"\(argument)\"; using 1")
            }
        }
        switch name {
        case "always_on": sampler = .alwaysOn
        case "always_off": sampler = .alwaysOff
        case "traceidratio": sampler = .traceIDRatio(ratio)
        case "parentbased_always_on": sampler = .parentBased(root: .alwaysOn)
        case "parentbased_always_off": sampler = .parentBased(root: .alwaysOff)
        case "parentbased_traceidratio": sampler = .parentBased(root: .traceIDRatio(ratio))
        default: reader.complain("OTEL_TRACES_SAMPLER", "does not know \"\(name)\"; using parentbased_always_on")
        }
    }
}

/// Reads variables and gathers what is wrong with them. An empty value is as none.
private struct VariableReader {
    private let variables: [String: String]
    var problems: [String] = []

    init(_ variables: [String: String]) { self.variables = variables }

    mutating func complain(_ name: String, _ text: String) { problems.append("\(name) \(text)") }

    func text(_ name: String) -> String? {
        guard let value = variables[name]?.trimmingBlanks(), !value.isEmpty else { return nil }
        return value
    }

    mutating func bool(_ name: String) -> Bool? {
        guard let value = text(name) else { return nil }
        switch value.lowercased() {
        case "true": return true
        case "false": return false
        default:
            complain(name, "is true or false, not \"\(value)\"; using false")
            return false
        }
    }

    mutating func number(_ name: String, _ range: ClosedRange<Int>) -> Int? {
        guard let value = text(name) else { return nil }
        guard let number = Int(value), range.contains(number) else {
            complain(name, "is a number from \(range.lowerBound) to \(range.upperBound), not \"\(value)\"")
            return nil
        }
        return number
    }

    mutating func url(_ name: String) -> String? {
        guard let value = text(name) else { return nil }
        guard value.hasPrefix("http://") || value.hasPrefix("https://") else {
            complain(name, "begins with http:// or https://, unlike \"\(value)\"")
            return nil
        }
        return value
    }

    func list(_ name: String) -> [String]? {
        text(name)?.split(separator: ",").map { String($0).trimmingBlanks() }.filter { !$0.isEmpty }
    }

    /// `key=value,…`, percent-encoded, as W3C baggage.
    mutating func pairs(_ name: String) -> [(String, String)] {
        var found: [(String, String)] = []
        for part in list(name) ?? [] {
            guard let equals = part.firstIndex(of: "="), equals != part.startIndex else {
                complain(name, "holds \"\(part)\", which is no key=value")
                continue
            }
            let key = String(part[..<equals]).trimmingBlanks()
            let raw = String(part[part.index(after: equals)...]).trimmingBlanks()
            found.append((PercentText.decode(key), PercentText.decode(raw)))
        }
        return found
    }

    mutating func batching(_ prefix: String, _ batching: inout TelemetryOptions.Batching) {
        if let milliseconds = number(prefix + "SCHEDULE_DELAY", 0...3_600_000) {
            batching.delaySeconds = Double(milliseconds) / 1000
        }
        if let n = number(prefix + "MAX_QUEUE_SIZE", 1...10_000_000) { batching.queueMax = n }
        if let n = number(prefix + "MAX_EXPORT_BATCH_SIZE", 1...1_000_000) { batching.batchMax = n }
        batching.batchMax = min(batching.batchMax, batching.queueMax)
    }
}

extension String {
    func trimmingBlanks() -> String {
        var text = self[...]
        while let first = text.first, first == " " || first == "\t" { text = text.dropFirst() }
        while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
        return String(text)
    }
}

/// Percent-encoding where a broken escape stays as it is.
enum PercentText {
    static func decode(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: "%")) else { return text }
        var decoded: [UInt8] = []
        var at = 0
        while at < bytes.count {
            if bytes[at] == UInt8(ascii: "%"), at + 2 < bytes.count, let high = hex(bytes[at + 1]),
                let low = hex(bytes[at + 2])
            {
                decoded.append(high << 4 | low)
                at += 3
            } else {
                decoded.append(bytes[at])
                at += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    private static func hex(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 48...57: digit - 48
        case 65...70: digit - 55
        case 97...102: digit - 87
        default: nil
        }
    }
}
