/// Properties of network interfaces, from `/sys/class/net` (Documentation/ABI/testing/sysfs-class-net).
struct NetworkClassCollector: HostCollector {
    let name = "netclass"

    private struct Property {
        let file: String
        let name: String
        var isCounter = false
        var factor = 1.0
    }

    private static let properties: [Property] = [
        Property(file: "addr_assign_type", name: "address_assign_type"),
        Property(file: "carrier", name: "carrier"),
        Property(file: "carrier_changes", name: "carrier_changes_total", isCounter: true),
        Property(file: "carrier_up_count", name: "carrier_up_changes_total", isCounter: true),
        Property(file: "carrier_down_count", name: "carrier_down_changes_total", isCounter: true),
        Property(file: "dev_id", name: "device_id"),
        Property(file: "dormant", name: "dormant"),
        Property(file: "flags", name: "flags"),
        Property(file: "ifindex", name: "iface_id"),
        Property(file: "iflink", name: "iface_link"),
        Property(file: "link_mode", name: "iface_link_mode"),
        Property(file: "mtu", name: "mtu_bytes"),
        Property(file: "name_assign_type", name: "name_assign_type"),
        Property(file: "netdev_group", name: "net_dev_group"),
        // Megabits per second in the file; -1 where the driver doesn't know.
        Property(file: "speed", name: "speed_bytes", factor: 125_000),
        Property(file: "tx_queue_len", name: "transmit_queue_length"),
        Property(file: "type", name: "protocol_type"),
    ]

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        for device in try kernelDirectory(host.sys + "/class/net") {
            let directory = "\(host.sys)/class/net/\(device)"
            // `bonding_masters` is a plain file among the devices.
            guard let state = KernelText.line(directory + "/operstate") else { continue }
            func text(_ file: String) -> String { KernelText.line("\(directory)/\(file)") ?? "" }
            out.gauge(
                "node_network_up", "Value is 1 if operstate is 'up', 0 otherwise.", state == "up" ? 1 : 0,
                ["device": device])
            out.gauge(
                "node_network_info", "Non-numeric data from /sys/class/net/<iface>, value is always 1.", 1,
                [
                    "address": text("address"), "broadcast": text("broadcast"), "device": device,
                    "duplex": text("duplex"), "ifalias": text("ifalias"), "operstate": state,
                ])
            for property in Self.properties {
                guard let value = KernelText.number("\(directory)/\(property.file)") else { continue }
                out.add(
                    "node_network_" + property.name, property.isCounter ? .counter : .gauge,
                    "Network device property: \(property.name)", value * property.factor, ["device": device])
            }
        }
    }
}
