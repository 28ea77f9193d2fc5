import Glibc

/// Temperatures, fans, voltages and power of sensor chips, from `/sys/class/hwmon` (Documentation/hwmon/sysfs-interface.rst).
struct HardwareMonitorCollector: HostCollector {
    let name = "hwmon"

    private static let types: Set<String> = [
        "vrm", "beep_enable", "update_interval", "in", "cpu", "fan", "pwm", "temp", "curr", "power", "energy",
        "humidity", "intrusion",
    ]

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        let root = host.sys + "/class/hwmon"
        guard let chips = try? kernelDirectory(root) else { throw .noData("no hardware monitor") }
        for entry in chips {
            let directory = "\(root)/\(entry)"
            let sensors = Self.sensors(directory).merging(Self.sensors(directory + "/device")) { a, b in
                a.merging(b) { here, _ in here }
            }
            let chip = Self.chipName(directory, entry)
            if let readable = KernelText.line(directory + "/name").map(Self.cleaned), !readable.isEmpty {
                out.gauge(
                    "node_hwmon_chip_names", "Annotation metric for human-readable chip names", 1,
                    ["chip": chip, "chip_name": readable])
            }
            for (sensor, values) in sensors.sorted(by: { $0.key < $1.key }) {
                Self.add(chip, sensor, values, &out)
            }
        }
    }

    /// Sensor (`temp1`) → property (`input`) → text.
    private static func sensors(_ directory: String) -> [String: [String: String]] {
        var result: [String: [String: String]] = [:]
        for file in (try? kernelDirectory(directory)) ?? [] {
            guard let (type, number, property) = split(file), types.contains(type),
                let text = KernelText.line("\(directory)/\(file)")
            else { continue }
            result[type + number, default: [:]][property] = text
        }
        return result
    }

    /// `temp1_crit_alarm` → temp, 1, crit_alarm.
    private static func split(_ file: String) -> (type: String, number: String, property: String)? {
        if types.contains(file) { return (file, "", "") }
        let type = file.prefix { !$0.isNumber }
        let number = file.dropFirst(type.count).prefix { $0.isNumber }
        let rest = file.dropFirst(type.count + number.count)
        guard !type.isEmpty, !number.isEmpty, rest.isEmpty || rest.hasPrefix("_") else { return nil }
        return (String(type), String(number), String(rest.dropFirst()))
    }

    /// The device's place in the tree is stable and unique, unlike the number of the entry.
    private static func chipName(_ directory: String, _ entry: String) -> String {
        if let resolved = realpath(directory + "/device", nil) {
            defer { free(resolved) }
            let parts = String(cString: resolved).split(separator: "/").suffix(2).map { cleaned(String($0)) }
            let name = parts.filter { !$0.isEmpty }.joined(separator: "_")
            if !name.isEmpty { return name }
        }
        if let name = KernelText.line(directory + "/name").map(cleaned), !name.isEmpty { return name }
        return cleaned(entry)
    }

    private static func cleaned(_ text: String) -> String {
        let bytes = text.lowercased().utf8.map { c -> UInt8 in
            (c >= 97 && c <= 122) || (c >= 48 && c <= 57) || c == 58 || c == 95 ? c : 95
        }
        var slice = bytes[...]
        while slice.first == 95 { slice.removeFirst() }
        while slice.last == 95 { slice.removeLast() }
        return String(decoding: slice, as: UTF8.self)
    }

    private static func add(_ chip: String, _ sensor: String, _ values: [String: String], _ out: inout HostSamples) {
        let type = String(sensor.prefix { !$0.isNumber })
        if let label = values["label"].map(cleaned), !label.isEmpty {
            out.gauge(
                "node_hwmon_sensor_label", "Label for given chip and sensor", 1,
                ["chip": chip, "label": label, "sensor": sensor])
        }
        for (property, text) in values.sorted(by: { $0.key < $1.key }) where property != "label" {
            guard let raw = Double(text) else { continue }
            let reading = Reading(type: type, property: property, hasBare: values[""] != nil, raw: raw)
            out.add(
                reading.metric, reading.isCounter ? .counter : .gauge, reading.help, reading.value,
                ["chip": chip, "sensor": sensor])
        }
    }

    /// One file's name, help and unit, as node_exporter derives them.
    private struct Reading {
        var metric: String
        var help: String
        var value: Double
        var isCounter = false

        init(type: String, property: String, hasBare: Bool, raw: Double) {
            metric = "node_hwmon_" + type
            value = raw
            help = ""
            if property == "input" {
                if hasBare { metric += "_input" }
            } else if !property.isEmpty {
                metric += "_" + cleaned(property)
            }
            switch (type, property) {
            case ("beep_enable", _):
                metric = "node_hwmon_beep_enabled"
                help = "Hardware beep enabled"
            case ("vrm", _):
                metric = "node_hwmon_voltage_regulator_version"
                help = "Hardware voltage regulator"
            case ("update_interval", _):
                metric = "node_hwmon_update_interval_seconds"
                help = "Hardware monitor update interval"
                value = raw / 1000
            case (_, "fault"), (_, "alarm"): help = "Hardware sensor \(property) status (\(type))"
            case (_, "beep"):
                metric += "_enabled"
                help = "Hardware monitor sensor has beeping enabled"
            case ("in", _), ("cpu", _): (help, value) = scaled("volts", "for voltage (\(property))", raw / 1000)
            case ("temp", "type"): help = "Hardware monitor temp element type"
            case ("temp", _):
                (help, value) = scaled(
                    "celsius", "for temperature (\(property.isEmpty ? "input" : property))", raw / 1000)
            case ("curr", _): (help, value) = scaled("amps", "for current (\(property))", raw / 1000)
            case ("energy", _):
                (help, value) = scaled("joule_total", "for joules used so far (\(property))", raw / 1_000_000)
                isCounter = true
            case ("power", "accuracy"):
                help = "Hardware monitor power meter accuracy, as a ratio"
                value = raw / 1_000_000
            case ("power", "average_interval"), ("power", "average_interval_max"), ("power", "average_interval_min"):
                (help, value) = scaled("seconds", "power usage update interval (\(property))", raw / 1000)
            case ("power", _): (help, value) = scaled("watt", "for power usage in watts (\(property))", raw / 1_000_000)
            case ("humidity", _):
                help =
                    "Hardware monitor for humidity, as a ratio (multiply with 100.0 to get the humidity as a percentage) (\(property))"
                value = raw / 1_000_000
            case ("fan", _):
                (help, value) = scaled("rpm", "for fan revolutions per minute (\(property))", raw)
            default: help = "Hardware monitor \(type) element \(property)"
            }
        }

        private mutating func scaled(_ unit: String, _ what: String, _ value: Double) -> (String, Double) {
            metric += "_" + unit
            return ("Hardware monitor " + what, value)
        }
    }
}
