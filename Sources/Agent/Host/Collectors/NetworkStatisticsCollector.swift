/// Counters of the IP, ICMP, TCP and UDP layers, from `/proc/net/netstat`, `snmp` and `snmp6`.
struct NetworkStatisticsCollector: HostCollector {
    let name = "netstat"

    private static let fields: [String: Set<String>] = [
        "Ip": ["Forwarding"],
        "Ip6": ["InOctets", "OutOctets"],
        "IpExt": ["InOctets", "OutOctets"],
        "Icmp": ["InMsgs", "OutMsgs"],
        "Icmp6": ["InMsgs", "OutMsgs"],
        "TcpExt": ["TCPSynRetrans", "TCPTimeouts"],
        "Tcp": ["ActiveOpens", "InSegs", "OutSegs", "OutRsts", "PassiveOpens", "RetransSegs", "CurrEstab"],
        "Udp": ["InDatagrams", "OutDatagrams", "NoPorts", "RcvbufErrors", "SndbufErrors"],
        "Udp6": ["InDatagrams", "OutDatagrams", "NoPorts", "RcvbufErrors", "SndbufErrors"],
    ]

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        Self.table(try KernelText(host.proc + "/net/netstat"), &out)
        Self.table(try KernelText(host.proc + "/net/snmp"), &out)
        // Missing where IPv6 is off.
        if let six = try? KernelText(host.proc + "/net/snmp6") { Self.list(six, &out) }
    }

    /// Pairs of lines: `Tcp: name name …`, then `Tcp: value value …`.
    private static func table(_ text: KernelText, _ out: inout HostSamples) {
        var heading: (layer: String, names: [String])?
        text.forEachLine { line in
            guard let layer = line.until(":") else { return }
            if let (expected, names) = heading, expected == layer {
                for (name, value) in zip(names, line.numbers()) { add(layer, name, value, &out) }
                heading = nil
            } else {
                heading = (layer, line.remainder.split(separator: " ").map(String.init))
            }
        }
    }

    /// `Ip6InOctets  17`: the layer's name ends with the 6.
    private static func list(_ text: KernelText, _ out: inout HostSamples) {
        text.forEachLine { line in
            guard let name = line.field(), let value = line.number(), let six = name.firstIndex(of: "6") else { return }
            add(String(name[...six]), String(name[name.index(after: six)...]), value, &out)
        }
    }

    private static func add(_ layer: String, _ field: String, _ value: Double, _ out: inout HostSamples) {
        guard isWanted(layer, field) else { return }
        out.add("node_netstat_\(layer)_\(field)", .unknown, "Statistic \(layer)\(field).", value)
    }

    /// node_exporter's default selection.
    private static func isWanted(_ layer: String, _ field: String) -> Bool {
        field == "InErrors" || field == "InErrs" || fields[layer]?.contains(field) == true
            || (layer == "TcpExt" && (field.hasPrefix("Listen") || field.hasPrefix("Syncookies")))
    }
}
