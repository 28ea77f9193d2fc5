import Bedrock
import Glibc

/// What the kernel says of this process, under the names that all Prometheus client libraries use.
public enum ProcessMetrics {
    /// Adds the process' own metrics to `registry`; they are read from /proc whenever it is collected.
    public static func register(in registry: InstrumentRegistry) {
        registry.observe(
            "process_cpu_seconds_total", help: "Total user and system CPU time spent in seconds.", kind: .counter,
            labels: []
        ) { stat().map { [.init($0.cpuSeconds)] } ?? [] }
        registry.observe("process_resident_memory_bytes", help: "Resident memory size in bytes.", labels: []) {
            stat().map { [.init($0.residentBytes)] } ?? []
        }
        registry.observe("process_virtual_memory_bytes", help: "Virtual memory size in bytes.", labels: []) {
            stat().map { [.init($0.virtualBytes)] } ?? []
        }
        registry.observe("process_threads", help: "Number of threads.", labels: []) {
            stat().map { [.init($0.threads)] } ?? []
        }
        registry.observe(
            "process_start_time_seconds", help: "Start time of the process since unix epoch in seconds.", labels: []
        ) {
            startTime.map { [.init($0)] } ?? []
        }
        registry.observe("process_open_fds", help: "Number of open file descriptors.", labels: []) {
            openDescriptors().map { [.init(Double($0))] } ?? []
        }
        registry.observe("process_max_fds", help: "Maximum number of open file descriptors.", labels: []) {
            descriptorsMax().map { [.init(Double($0))] } ?? []
        }
    }

    /// The fields of /proc/self/stat that matter here; see proc(5).
    struct Stat: Equatable {
        var cpuSeconds: Double
        var threads: Double
        /// Seconds from boot.
        var startSeconds: Double
        var virtualBytes: Double
        var residentBytes: Double

        /// Nil when `text` isn't of that form.
        init?(_ text: String, ticksPerSecond: Double, pageBytes: Double) {
            // The command's name, in parentheses, may itself hold blanks and parentheses.
            guard let nameEnd = text.lastIndex(of: ")") else { return nil }
            let fields = text[text.index(after: nameEnd)...].split(separator: " ").map { Double($0) }
            // fields[0] is the third of the file: the state.
            guard fields.count >= 22, let user = fields[11], let system = fields[12], let threads = fields[17],
                let start = fields[19], let virtual = fields[20], let resident = fields[21]
            else { return nil }
            cpuSeconds = (user + system) / ticksPerSecond
            self.threads = threads
            startSeconds = start / ticksPerSecond
            virtualBytes = virtual
            residentBytes = resident * pageBytes
        }
    }

    /// What the kernel says now.
    package static func state() -> (threads: Double, virtualBytes: Double, residentBytes: Double)? {
        stat().map { ($0.threads, $0.virtualBytes, $0.residentBytes) }
    }

    private static func stat() -> Stat? {
        read("/proc/self/stat").flatMap {
            Stat(
                $0, ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))), pageBytes: Double(sysconf(Int32(_SC_PAGESIZE)))
            )
        }
    }

    /// Boot time plus the start's distance from it; it never changes.
    private static let startTime: Double? = {
        guard let stat = stat(), let kernel = read("/proc/stat"),
            let line = kernel.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let boot = Double(line.dropFirst(6))
        else { return nil }
        return boot + stat.startSeconds
    }()

    package static func openDescriptors() -> Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Not `.`, `..` and the directory itself.
        return max(count - 3, 0)
    }

    private static func descriptorsMax() -> Int? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Int(clamping: limit.rlim_cur)
    }

    /// A small file of /proc, whose size can't be asked for beforehand.
    private static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while bytes.count < 1 << 20 {
            let got = Glibc.read(descriptor, &chunk, chunk.count)
            guard got > 0 else { break }
            bytes += chunk[..<got]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
