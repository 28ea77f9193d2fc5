/// Traffic of network interfaces, from `/proc/net/dev`.
struct NetworkDeviceCollector: HostCollector {
    let name = "netdev"
    let exclusion: HostExclusion

    private static let received = ["bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast"]
    private static let transmitted = ["bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed"]

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        let text = try KernelText(host.proc + "/net/dev")
        text.forEachLine { line in
            // The two lines of headings have no colon.
            guard let device = line.until(":"), !exclusion.matches(device) else { return }
            for field in Self.received {
                guard let value = line.number() else { return }
                add("receive_" + field, device, value, &out)
            }
            for field in Self.transmitted {
                guard let value = line.number() else { return }
                add("transmit_" + field, device, value, &out)
            }
            if let value = KernelText.number("\(host.sys)/class/net/\(device)/statistics/rx_nohandler") {
                add("receive_nohandler", device, value, &out)
            }
        }
    }

    private func add(_ field: String, _ device: String, _ value: Double, _ out: inout HostSamples) {
        out.counter(
            "node_network_\(field)_total", "Network device statistic \(field).", value, ["device": device])
    }
}
