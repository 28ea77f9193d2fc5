import Bedrock
import CObs
import Glibc
import Instruments

/// The process' and the runtime's own metrics, as the semantic conventions name them.
enum RuntimeMetrics {
    static func register(in meter: Meter) {
        meter.observableCounter("process.cpu.time", unit: "s", description: "CPU time used.") { observer in
            guard let usage = usage() else { return }
            observer.observe(seconds(usage.ru_utime), ["cpu.mode": "user"])
            observer.observe(seconds(usage.ru_stime), ["cpu.mode": "system"])
        }
        meter.observableCounter(
            "process.context_switches", unit: "{context_switch}", description: "Context switches."
        ) { observer in
            guard let usage = usage() else { return }
            observer.observe(usage.ru_nvcsw, ["process.context_switch_type": "voluntary"])
            observer.observe(usage.ru_nivcsw, ["process.context_switch_type": "involuntary"])
        }
        meter.observableCounter("process.paging.faults", unit: "{fault}", description: "Page faults.") { observer in
            guard let usage = usage() else { return }
            observer.observe(usage.ru_minflt, ["process.paging.fault_type": "minor"])
            observer.observe(usage.ru_majflt, ["process.paging.fault_type": "major"])
        }
        meter.observableUpDownCounter("process.memory.usage", unit: "By", description: "Resident memory.") { observer in
            if let state = ProcessMetrics.state() { observer.observe(state.residentBytes) }
        }
        meter.observableUpDownCounter("process.memory.virtual", unit: "By", description: "Virtual memory.") {
            if let state = ProcessMetrics.state() { $0.observe(state.virtualBytes) }
        }
        meter.observableUpDownCounter("process.thread.count", unit: "{thread}", description: "Threads.") {
            if let state = ProcessMetrics.state() { $0.observe(state.threads) }
        }
        meter.observableUpDownCounter(
            "process.unix.file_descriptor.count", unit: "{file_descriptor}", description: "Open descriptors."
        ) { if let count = ProcessMetrics.openDescriptors() { $0.observe(count) } }
        meter.observableUpDownCounter(
            "swift.runtime.heap.allocated", unit: "By", description: "Bytes that the allocator has handed out."
        ) { $0.observe(heap().allocated) }
        meter.observableUpDownCounter(
            "swift.runtime.heap.free", unit: "By", description: "Bytes that the allocator holds in reserve."
        ) { $0.observe(heap().reserve) }
        meter.observableUpDownCounter(
            "swift.runtime.cpu.count", unit: "{cpu}", description: "Processors on line: the width of the task pool."
        ) { $0.observe(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }
    }

    private static func heap() -> (allocated: Int, reserve: Int) {
        var allocated: UInt64 = 0
        var reserve: UInt64 = 0
        cobs_heap(&allocated, &reserve)
        return (Int(clamping: allocated), Int(clamping: reserve))
    }

    private static func usage() -> rusage? {
        var usage = rusage()
        return getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 ? usage : nil
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
}
