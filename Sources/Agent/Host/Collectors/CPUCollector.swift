import Glibc
import Synchronization

/// Seconds a processor spent in each mode, from `/proc/stat`.
final class CPUCollector: HostCollector {
    let name = "cpu"

    /// In the order of the kernel's columns.
    private static let modes = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"]
    private static let guestModes = ["user", "nice"]
    /// A fall by less is the kernel's rounding (idle and iowait are known for it) and is ignored; a deeper one is a processor that was
    /// taken out and came back.
    private static let jumpSecondsMax = 3.0

    private let ticksPerSecond: Double
    private let last = Mutex<[String: [Double]]>([:])

    init() { ticksPerSecond = Double(max(1, sysconf(Int32(_SC_CLK_TCK)))) }

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        let text = try KernelText(host.proc + "/stat")
        text.forEachLine { line in
            guard let label = line.field(), label.hasPrefix("cpu"), label != "cpu" else { return }
            let cpu = String(label.dropFirst(3))
            let seconds = monotonic(cpu, line.numbers().map { $0 / ticksPerSecond })
            for (mode, value) in zip(Self.modes, seconds) {
                out.counter(
                    "node_cpu_seconds_total", "Seconds the CPUs spent in each mode.", value, ["cpu": cpu, "mode": mode])
            }
            for (mode, value) in zip(Self.guestModes, seconds.dropFirst(Self.modes.count)) {
                out.counter(
                    "node_cpu_guest_seconds_total", "Seconds the CPUs spent in guests (VMs) for each mode.", value,
                    ["cpu": cpu, "mode": mode])
            }
        }
    }

    /// The new readings, where one fell back a little the old one.
    private func monotonic(_ cpu: String, _ seconds: [Double]) -> [Double] {
        last.withLock { last in
            let before = last[cpu] ?? []
            var result = seconds
            for i in 0..<min(before.count, seconds.count)
            where seconds[i] < before[i] && before[i] - seconds[i] < Self.jumpSecondsMax {
                result[i] = before[i]
            }
            last[cpu] = result
            return result
        }
    }
}
