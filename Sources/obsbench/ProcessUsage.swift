import Bedrock
import Glibc

/// What this process has used so far.
struct ProcessUsage {
    /// User and system time of all threads, seconds.
    let cpuSeconds: Double
    let wallSeconds: Double
    /// Largest resident size, bytes.
    let peakBytes: Int

    static func now() -> ProcessUsage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ t: timeval) -> Double { Double(t.tv_sec) + Double(t.tv_usec) / 1e6 }
        return ProcessUsage(
            cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
            wallSeconds: Double(SystemClock().monotonicNanoseconds()) / 1e9, peakBytes: Int(usage.ru_maxrss) * 1024)
    }

    static func - (a: ProcessUsage, b: ProcessUsage) -> (cpu: Double, wall: Double) {
        (a.cpuSeconds - b.cpuSeconds, a.wallSeconds - b.wallSeconds)
    }
}

/// Bytes of all files below a folder.
func folderBytes(_ path: String, _ files: some FileSystem) -> Int {
    guard let names = try? files.list(path) else { return 0 }
    return names.reduce(0) { total, name in
        let child = Path.join(path, name)
        guard let status = try? files.status(child) else { return total }
        return total + (status.isDirectory ? folderBytes(child, files) : Int(status.size))
    }
}
