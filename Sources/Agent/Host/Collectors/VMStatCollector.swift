/// Paging and out-of-memory kills, from `/proc/vmstat`.
struct VMStatCollector: HostCollector {
    let name = "vmstat"

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        let text = try KernelText(host.proc + "/vmstat")
        text.forEachLine { line in
            guard let field = line.field(), Self.isWanted(field), let value = line.number() else { return }
            out.add("node_vmstat_" + field, .unknown, "/proc/vmstat information field \(field).", value)
        }
    }

    /// node_exporter's default selection, `^(oom_kill|pgpg|pswp|pg.*fault).*`.
    private static func isWanted(_ field: String) -> Bool {
        field.hasPrefix("oom_kill") || field.hasPrefix("pgpg") || field.hasPrefix("pswp")
            || (field.hasPrefix("pg") && field.dropFirst(2).contains("fault"))
    }
}
