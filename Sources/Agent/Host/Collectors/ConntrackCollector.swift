/// Fill of the connection tracking table, from `/proc/sys/net/netfilter`.
struct ConntrackCollector: HostCollector {
    let name = "conntrack"

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        let directory = host.proc + "/sys/net/netfilter"
        guard let entries = KernelText.number(directory + "/nf_conntrack_count"),
            let limit = KernelText.number(directory + "/nf_conntrack_max")
        else { throw .noData("connection tracking is not in use") }
        out.gauge(
            "node_nf_conntrack_entries", "Number of currently allocated flow entries for connection tracking.", entries)
        out.gauge("node_nf_conntrack_entries_limit", "Maximum size of connection tracking table.", limit)
    }
}
