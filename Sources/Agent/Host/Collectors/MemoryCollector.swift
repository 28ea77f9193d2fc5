/// Every line of `/proc/meminfo`: `Active(anon): 8 kB` becomes `node_memory_Active_anon_bytes 8192`.
struct MemoryCollector: HostCollector {
    let name = "meminfo"

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        let text = try KernelText(host.proc + "/meminfo")
        text.forEachLine { line in
            guard let key = line.until(":"), var value = line.number() else { return }
            var field = key.replacing("(", with: "_")
            field.removeAll { $0 == ")" }
            if line.field() == "kB" {
                value *= 1024
                field += "_bytes"
            }
            out.gauge("node_memory_" + field, "Memory information field \(field).", value)
        }
    }
}
