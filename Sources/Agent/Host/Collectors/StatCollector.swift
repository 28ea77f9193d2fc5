/// Counters of the whole system, from `/proc/stat`.
struct StatCollector: HostCollector {
    let name = "stat"

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        let text = try KernelText(host.proc + "/stat")
        text.forEachLine { line in
            guard let key = line.field(), let value = line.number() else { return }
            switch key {
            case "intr": out.counter("node_intr_total", "Total number of interrupts serviced.", value)
            case "ctxt": out.counter("node_context_switches_total", "Total number of context switches.", value)
            case "processes": out.counter("node_forks_total", "Total number of forks.", value)
            case "btime": out.gauge("node_boot_time_seconds", "Node boot time, in unixtime.", value)
            case "procs_running":
                out.gauge("node_procs_running", "Number of processes in runnable state.", value)
            case "procs_blocked":
                out.gauge("node_procs_blocked", "Number of processes blocked waiting for I/O to complete.", value)
            default: break
            }
        }
    }
}
