/// Temperatures and cooling devices of the ACPI and SoC zones, from `/sys/class/thermal`.
struct ThermalCollector: HostCollector {
    let name = "thermal_zone"

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        let root = host.sys + "/class/thermal"
        for entry in try kernelDirectory(root) {
            let directory = "\(root)/\(entry)"
            guard let type = KernelText.line(directory + "/type") else { continue }
            if entry.hasPrefix("thermal_zone") {
                guard let milli = KernelText.number(directory + "/temp") else { continue }
                out.gauge(
                    "node_thermal_zone_temp", "Zone temperature in Celsius", milli / 1000,
                    ["type": type, "zone": String(entry.dropFirst(12))])
            } else if entry.hasPrefix("cooling_device") {
                let device = String(entry.dropFirst(14))
                if let current = KernelText.number(directory + "/cur_state") {
                    out.gauge(
                        "node_cooling_device_cur_state", "Current throttle state of the cooling device", current,
                        ["name": device, "type": type])
                }
                if let maximum = KernelText.number(directory + "/max_state") {
                    out.gauge(
                        "node_cooling_device_max_state", "Maximum throttle state of the cooling device", maximum,
                        ["name": device, "type": type])
                }
            }
        }
    }
}
