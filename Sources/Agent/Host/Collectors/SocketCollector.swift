import Glibc

/// Sockets by protocol, from `/proc/net/sockstat` and `/proc/net/sockstat6`.
struct SocketCollector: HostCollector {
    let name = "sockstat"

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        try collect(host.proc + "/net/sockstat", into: &out)
        // Missing where IPv6 is off.
        if let six = try? KernelText(host.proc + "/net/sockstat6") { collect(six, into: &out) }
    }

    private func collect(_ path: String, into out: inout HostSamples) throws(HostError) {
        collect(try KernelText(path), into: &out)
    }

    private func collect(_ text: KernelText, into out: inout HostSamples) {
        text.forEachLine { line in
            guard let family = line.until(":") else { return }
            while let field = line.field(), let value = line.number() {
                if family == "sockets" {
                    if field == "used" {
                        out.gauge("node_sockstat_sockets_used", "Number of IPv4 sockets in use.", value)
                    }
                    continue
                }
                add(family, field, value, &out)
                if field == "mem" { add(family, "mem_bytes", value * Double(sysconf(Int32(_SC_PAGESIZE))), &out) }
            }
        }
    }

    private func add(_ family: String, _ field: String, _ value: Double, _ out: inout HostSamples) {
        out.gauge("node_sockstat_\(family)_\(field)", "Number of \(family) sockets in state \(field).", value)
    }
}
