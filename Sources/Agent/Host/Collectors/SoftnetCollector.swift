/// Packets handled in the network's soft interrupt, per processor, from `/proc/net/softnet_stat` (hexadecimal columns).
struct SoftnetCollector: HostCollector {
    let name = "softnet"

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        let text = try KernelText(host.proc + "/net/softnet_stat")
        var cpu = 0
        text.forEachLine { line in
            func next() -> Double? { line.field().flatMap { UInt32($0, radix: 16) }.map { Double($0) } }
            guard let processed = next(), let dropped = next(), let squeezed = next() else { return }
            let labels: KeyValuePairs<StaticString, String> = ["cpu": String(cpu)]
            out.counter("node_softnet_processed_total", "Number of processed packets", processed, labels)
            out.counter("node_softnet_dropped_total", "Number of dropped packets", dropped, labels)
            out.counter(
                "node_softnet_times_squeezed_total", "Number of times processing packets ran out of quota", squeezed,
                labels)
            cpu += 1
        }
    }
}
