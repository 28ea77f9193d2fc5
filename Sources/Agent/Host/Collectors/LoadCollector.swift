/// Load averages, from `/proc/loadavg`.
struct LoadCollector: HostCollector {
    let name = "loadavg"

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        let text = try KernelText(host.proc + "/loadavg")
        var line = KernelLine(text.bytes.prefix { $0 != UInt8(ascii: "\n") })
        guard let one = line.number(), let five = line.number(), let fifteen = line.number() else {
            throw .malformed(path: text.path, "not three numbers")
        }
        out.gauge("node_load1", "1m load average.", one)
        out.gauge("node_load5", "5m load average.", five)
        out.gauge("node_load15", "15m load average.", fifteen)
    }
}
