/// Processes and threads by state, from `/proc/<pid>`.
struct ProcessesCollector: HostCollector {
    let name = "processes"

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        var pids = 0.0
        var threads = 0.0
        var processStates: [String: Double] = [:]
        var threadStates: [String: Double] = [:]
        for entry in try kernelDirectory(host.proc) where Self.isNumber(entry) {
            // A process may end while it is being looked at.
            guard let process = Self.status("\(host.proc)/\(entry)/stat") else { continue }
            pids += 1
            threads += process.threads
            processStates[process.state, default: 0] += 1
            if process.threads == 1 {
                threadStates[process.state, default: 0] += 1
                continue
            }
            let tasks = "\(host.proc)/\(entry)/task"
            for task in (try? kernelDirectory(tasks)) ?? [] {
                guard let thread = Self.status("\(tasks)/\(task)/stat") else { continue }
                threadStates[thread.state, default: 0] += 1
            }
        }
        out.gauge("node_processes_pids", "Number of PIDs", pids)
        out.gauge("node_processes_threads", "Allocated threads in system", threads)
        if let limit = KernelText.number(host.proc + "/sys/kernel/threads-max") {
            out.gauge("node_processes_max_threads", "Limit of threads in the system", limit)
        }
        if let limit = KernelText.number(host.proc + "/sys/kernel/pid_max") {
            out.gauge("node_processes_max_processes", "Number of max PIDs limit", limit)
        }
        for (state, count) in processStates.sorted(by: { $0.key < $1.key }) {
            out.gauge("node_processes_state", "Number of processes in each state.", count, ["state": state])
        }
        for (state, count) in threadStates.sorted(by: { $0.key < $1.key }) {
            out.gauge(
                "node_processes_threads_state", "Number of threads in each state.", count, ["thread_state": state])
        }
    }

    private static func isNumber(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0 >= 48 && $0 <= 57 }
    }

    /// State and thread count of a `stat` file: the fields behind the name, which stands in parentheses and may hold anything.
    private static func status(_ path: String) -> (state: String, threads: Double)? {
        guard let text = try? KernelText(path), let end = text.bytes.lastIndex(of: UInt8(ascii: ")")) else {
            return nil
        }
        var line = KernelLine(text.bytes[(end + 1)...])
        guard let state = line.field() else { return nil }
        line.skip(16)
        guard let threads = line.number() else { return nil }
        return (state, threads)
    }
}
