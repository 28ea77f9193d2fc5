/// Block devices, from `/proc/diskstats` (Documentation/admin-guide/iostats.rst), named with the help of udev's database.
struct DiskCollector: HostCollector {
    let name = "diskstats"

    /// The kernel's sector in this file, whatever the disk's own.
    private static let sectorBytes = 512.0
    private static let millisecond = 0.001

    /// The columns behind the device's name, in order.
    private static let columns: [Column] = [
        Column("reads_completed_total", "The total number of reads completed successfully."),
        Column("reads_merged_total", "The total number of reads merged."),
        Column("read_bytes_total", "The total number of bytes read successfully.", factor: sectorBytes),
        Column("read_time_seconds_total", "The total number of seconds spent by all reads.", factor: millisecond),
        Column("writes_completed_total", "The total number of writes completed successfully."),
        Column("writes_merged_total", "The number of writes merged."),
        Column("written_bytes_total", "The total number of bytes written successfully.", factor: sectorBytes),
        Column(
            "write_time_seconds_total", "This is the total number of seconds spent by all writes.", factor: millisecond),
        Column("io_now", "The number of I/Os currently in progress.", isGauge: true),
        Column("io_time_seconds_total", "Total seconds spent doing I/Os.", factor: millisecond),
        Column("io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os.", factor: millisecond),
        Column("discards_completed_total", "The total number of discards completed successfully."),
        Column("discards_merged_total", "The total number of discards merged."),
        Column("discarded_sectors_total", "The total number of sectors discarded successfully."),
        Column(
            "discard_time_seconds_total", "This is the total number of seconds spent by all discards.",
            factor: millisecond),
        Column("flush_requests_total", "The total number of flush requests completed successfully"),
        Column(
            "flush_requests_time_seconds_total", "This is the total number of seconds spent by all flush requests.",
            factor: millisecond),
    ]

    private struct Column {
        let name: String
        let help: String
        let factor: Double
        let isGauge: Bool

        init(_ name: String, _ help: String, factor: Double = 1, isGauge: Bool = false) {
            self.name = "node_disk_" + name
            self.help = help
            self.factor = factor
            self.isGauge = isGauge
        }

        /// Milliseconds are divided, not multiplied: 387 ms is 0.387, not 0.387…01.
        func scaled(_ raw: Double) -> Double { factor == DiskCollector.millisecond ? raw / 1000 : raw * factor }
    }

    let exclusion: HostExclusion

    func collect(_ host: HostPaths, into out: inout HostSamples) throws(HostError) {
        let text = try KernelText(host.proc + "/diskstats")
        text.forEachLine { line in
            guard let major = line.field(), let minor = line.field(), let device = line.field(),
                !exclusion.matches(device)
            else { return }
            describe(device, major, minor, host, &out)
            for (column, raw) in zip(Self.columns, line.numbers()) {
                out.add(
                    column.name, column.isGauge ? .gauge : .counter, column.help, column.scaled(raw),
                    ["device": device])
            }
        }
    }

    private func describe(
        _ device: String, _ major: String, _ minor: String, _ host: HostPaths, _ out: inout HostSamples
    ) {
        let udev = Self.properties("\(host.udev)/b\(major):\(minor)")
        out.gauge(
            "node_disk_info", "Info of /sys/block/<block_device>.", 1,
            [
                "device": device, "major": major, "minor": minor, "model": udev["ID_MODEL"] ?? "",
                "path": udev["ID_PATH"] ?? "", "revision": udev["ID_REVISION"] ?? "",
                "serial": udev["SCSI_IDENT_SERIAL"] ?? udev["ID_SERIAL_SHORT"] ?? "", "wwn": udev["ID_WWN"] ?? "",
            ])
        guard let type = udev["ID_FS_TYPE"], !type.isEmpty else { return }
        out.gauge(
            "node_disk_filesystem_info", "Info about disk filesystem.", 1,
            [
                "device": device, "type": type, "usage": udev["ID_FS_USAGE"] ?? "", "uuid": udev["ID_FS_UUID"] ?? "",
                "version": udev["ID_FS_VERSION"] ?? "",
            ])
    }

    /// The `E:KEY=value` lines of a udev record; empty where there is none.
    private static func properties(_ path: String) -> [String: String] {
        guard let text = try? KernelText(path) else { return [:] }
        var result: [String: String] = [:]
        text.forEachLine { line in
            let whole = line.remainder
            guard whole.hasPrefix("E:"), let equals = whole.firstIndex(of: "=") else { return }
            result[String(whole[whole.index(whole.startIndex, offsetBy: 2)..<equals])] =
                String(whole[whole.index(after: equals)...])
        }
        return result
    }
}
