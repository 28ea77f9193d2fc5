import Bedrock
import Glibc

/// The kernel's name and version. All but the machine type come from /proc, so that a container sees its host's.
struct UnameCollector: HostCollector {
    let name = "uname"

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        func kernel(_ file: String) throws(HostError) -> String {
            try KernelText("\(host.proc)/sys/kernel/\(file)").trimmed
        }
        var system = utsname()
        uname(&system)
        let machine = withUnsafeBytes(of: &system.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        out.gauge(
            "node_uname_info", "Labeled system information as provided by the uname system call.", 1,
            [
                "domainname": try kernel("domainname"), "machine": machine, "nodename": try kernel("hostname"),
                "release": try kernel("osrelease"), "sysname": try kernel("ostype"), "version": try kernel("version"),
            ])
    }
}

/// Clock, time zone and clock sources.
struct TimeCollector: HostCollector {
    let name = "time"
    let clock: any ClockSource

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        let now = clock.now()
        out.gauge("node_time_seconds", "System time in seconds since epoch (1970).", Double(now) / 1000)
        var seconds = time_t(now / 1000)
        var local = tm()
        if localtime_r(&seconds, &local) != nil, let zone = local.tm_zone {
            out.gauge(
                "node_time_zone_offset_seconds", "System time zone offset in seconds.", Double(local.tm_gmtoff),
                ["time_zone": String(cString: zone)])
        }
        let root = host.sys + "/devices/system/clocksource"
        for entry in (try? kernelDirectory(root)) ?? [] where entry.hasPrefix("clocksource") {
            let device = String(entry.dropFirst(11))
            for source in (KernelText.line("\(root)/\(entry)/available_clocksource") ?? "").split(separator: " ") {
                out.gauge(
                    "node_time_clocksource_available_info",
                    "Available clocksources read from '/sys/devices/system/clocksource'.", 1,
                    ["clocksource": String(source), "device": device])
            }
            if let current = KernelText.line("\(root)/\(entry)/current_clocksource") {
                out.gauge(
                    "node_time_clocksource_current_info",
                    "Current clocksource read from '/sys/devices/system/clocksource'.", 1,
                    ["clocksource": current, "device": device])
            }
        }
    }
}

/// Open files of the whole system.
struct FileDescriptorCollector: HostCollector {
    let name = "filefd"

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        let text = try KernelText(host.proc + "/sys/fs/file-nr")
        text.forEachLine { line in
            guard let allocated = line.number(), line.number() != nil, let maximum = line.number() else { return }
            out.gauge("node_filefd_allocated", "File descriptor statistics: allocated.", allocated)
            out.gauge("node_filefd_maximum", "File descriptor statistics: maximum.", maximum)
        }
    }
}

/// The kernel's pool of randomness.
struct EntropyCollector: HostCollector {
    let name = "entropy"

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        let directory = host.proc + "/sys/kernel/random"
        guard let available = try KernelText(directory + "/entropy_avail").number else {
            throw .malformed(path: directory + "/entropy_avail", "not a number")
        }
        out.gauge("node_entropy_available_bits", "Bits of available entropy.", available)
        if let size = KernelText.number(directory + "/poolsize") {
            out.gauge("node_entropy_pool_size_bits", "Bits of entropy pool.", size)
        }
    }
}
