/// Time lost waiting for processor, memory and disks, from `/proc/pressure` (Documentation/accounting/psi.rst).
struct PressureCollector: HostCollector {
    let name = "pressure"

    private struct Measure {
        let resource: String
        let line: String
        let metric: String
        let help: String
    }

    private static let measures = [
        Measure(
            resource: "cpu", line: "some", metric: "cpu_waiting",
            help: "Total time in seconds that processes have waited for CPU time"),
        Measure(
            resource: "io", line: "some", metric: "io_waiting",
            help: "Total time in seconds that processes have waited due to IO congestion"),
        Measure(
            resource: "io", line: "full", metric: "io_stalled",
            help: "Total time in seconds no process could make progress due to IO congestion"),
        Measure(
            resource: "memory", line: "some", metric: "memory_waiting",
            help: "Total time in seconds that processes have waited for memory"),
        Measure(
            resource: "memory", line: "full", metric: "memory_stalled",
            help: "Total time in seconds no process could make progress due to memory congestion"),
        Measure(
            resource: "irq", line: "full", metric: "irq_stalled",
            help: "Total time in seconds no process could make progress due to IRQ congestion"),
    ]

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        var found = false
        for measure in Self.measures {
            guard let text = try? KernelText("\(host.proc)/pressure/\(measure.resource)") else { continue }
            text.forEachLine { line in
                guard line.field() == measure.line else { return }
                while let field = line.field() {
                    guard field.hasPrefix("total="), let microseconds = Double(field.dropFirst(6)) else { continue }
                    found = true
                    out.counter(
                        "node_pressure_\(measure.metric)_seconds_total", measure.help, microseconds / 1_000_000)
                }
            }
        }
        if !found { throw .noData("this kernel keeps no pressure accounts") }
    }
}
