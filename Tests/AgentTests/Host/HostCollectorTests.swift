import Bedrock
import Model
import Testing

@testable import Agent

@Suite struct HostCollectorTests {
    let fixture: HostFixture

    init() throws { fixture = try HostFixture() }

    func expect(_ collector: some HostCollector, _ expected: [String], _ location: SourceLocation = #_sourceLocation)
        throws
    {
        let found = Set(lines(try fixture.collect(collector)))
        for line in expected { #expect(found.contains(line), "in \(found.sorted())", sourceLocation: location) }
    }

    @Test func processors() throws {
        try expect(
            CPUCollector(),
            [
                #"node_cpu_seconds_total{cpu="0", mode="user"} 1"#, #"node_cpu_seconds_total{cpu="0", mode="idle"} 20"#,
                #"node_cpu_seconds_total{cpu="1", mode="iowait"} 0.2"#,
                #"node_cpu_seconds_total{cpu="1", mode="steal"} 0.01"#,
                #"node_cpu_guest_seconds_total{cpu="0", mode="user"} 0.2"#,
                #"node_cpu_guest_seconds_total{cpu="0", mode="nice"} 0.04"#,
            ])
        #expect(try fixture.collect(CPUCollector()).seriesCount == 20)
    }

    @Test func processorCountersDoNotSlipBack() throws {
        let collector = CPUCollector()
        _ = try fixture.collect(collector)
        try fixture.directory.write("proc/stat", "cpu0 100 10 50 1990 10 0 1 2 20 4\n")
        try expect(collector, [#"node_cpu_seconds_total{cpu="0", mode="idle"} 20"#])
        // A processor that was offline starts again from nothing.
        try fixture.directory.write("proc/stat", "cpu0 1 1 5 100 1 0 1 2 2 4\n")
        try expect(collector, [#"node_cpu_seconds_total{cpu="0", mode="idle"} 1"#])
    }

    @Test func loadMemoryAndStat() throws {
        try expect(LoadCollector(), ["node_load1 0.21", "node_load5 0.12", "node_load15 0.06"])
        try expect(
            MemoryCollector(),
            [
                "node_memory_MemTotal_bytes 25276514304", "node_memory_Active_anon_bytes 1048576",
                "node_memory_HugePages_Total 3", "node_memory_Hugepagesize_bytes 2097152",
            ])
        try expect(
            StatCollector(),
            [
                "node_intr_total 127864", "node_context_switches_total 174763", "node_boot_time_seconds 1795754533",
                "node_forks_total 8118", "node_procs_running 2", "node_procs_blocked 1",
            ])
        try expect(
            VMStatCollector(), ["node_vmstat_pgpgin 2743265", "node_vmstat_pgfault 5", "node_vmstat_oom_kill 1"])
        #expect(try fixture.collect(VMStatCollector()).seriesCount == 4)
    }

    @Test func disks() throws {
        let collector = DiskCollector(exclusion: try HostExclusion(HostOptions().diskExclusion))
        try expect(
            collector,
            [
                #"node_disk_reads_completed_total{device="vda"} 30965"#,
                #"node_disk_read_bytes_total{device="vda"} 2809103360"#,
                #"node_disk_read_time_seconds_total{device="vda"} 41.209"#, #"node_disk_io_now{device="vda"} 2"#,
                #"node_disk_io_time_weighted_seconds_total{device="vda"} 48.861"#,
                #"node_disk_discard_time_seconds_total{device="vda"} 0.387"#,
                #"node_disk_flush_requests_time_seconds_total{device="vda"} 0.091"#,
                #"node_disk_info{device="vda", major="254", minor="0"} 1"#,
                #"node_disk_info{device="sdb", major="8", minor="16", model="Fast_Disk", serial="S=1"} 1"#,
                #"node_disk_filesystem_info{device="sdb", type="ext4", uuid="u-u-i-d"} 1"#,
            ])
        let all = lines(try fixture.collect(collector))
        #expect(!all.contains { $0.contains("loop0") || $0.contains("vda1") })
        // An old kernel's line ends early.
        #expect(!all.contains { $0.hasPrefix("node_disk_discards") && $0.contains("sdb") })
    }

    @Test func fileSystems() throws {
        let options = HostOptions()
        let collector = FilesystemCollector(
            mountExclusion: try HostExclusion(options.mountExclusion),
            typeExclusion: try HostExclusion(options.filesystemTypeExclusion), secondsMax: 5)
        try expect(
            collector,
            [
                #"node_filesystem_readonly{device="/dev/vdb", fstype="xfs", mountpoint="/data disk"} 1"#,
                #"node_filesystem_device_error{device="/dev/vda", fstype="ext4", mountpoint="/"} 0"#,
                #"node_filesystem_device_error{device="server:/export", fstype="nfs", mountpoint="/gone"} 1"#,
            ])
        let all = lines(try fixture.collect(collector))
        #expect(all.count == 7 + 7 + 1, "\(all)")
        #expect(!all.contains { $0.contains("proc") })
    }

    @Test func network() throws {
        try expect(
            NetworkDeviceCollector(exclusion: try HostExclusion("^lo$")),
            [
                #"node_network_receive_bytes_total{device="eth0"} 1"#,
                #"node_network_receive_multicast_total{device="eth0"} 8"#,
                #"node_network_transmit_carrier_total{device="eth0"} 15"#,
                #"node_network_receive_nohandler_total{device="eth0"} 7"#,
            ])
        try expect(
            NetworkClassCollector(),
            [
                #"node_network_up{device="eth0"} 1"#, #"node_network_mtu_bytes{device="eth0"} 1400"#,
                #"node_network_speed_bytes{device="eth0"} 125000000"#, #"node_network_flags{device="eth0"} 4099"#,
                #"node_network_info{address="02:fc:00:00:00:01", device="eth0", operstate="up"} 1"#,
            ])
        #expect(!lines(try fixture.collect(NetworkClassCollector())).contains { $0.contains("bonding") })
        try expect(
            SocketCollector(),
            [
                "node_sockstat_sockets_used 17", "node_sockstat_TCP_mem 330", "node_sockstat_TCP_mem_bytes 1351680",
                "node_sockstat_FRAG_memory 0", "node_sockstat_TCP6_inuse 4",
            ])
        try expect(
            NetworkStatisticsCollector(),
            [
                "node_netstat_TcpExt_SyncookiesSent 1", "node_netstat_TcpExt_ListenDrops 2",
                "node_netstat_Ip_Forwarding 2", "node_netstat_Udp_InErrors 9", "node_netstat_Ip6_InOctets 5",
            ])
        #expect(try fixture.collect(NetworkStatisticsCollector()).seriesCount == 5)
        try expect(
            SoftnetCollector(),
            [#"node_softnet_processed_total{cpu="0"} 6024"#, #"node_softnet_times_squeezed_total{cpu="0"} 2"#])
        try expect(ConntrackCollector(), ["node_nf_conntrack_entries 3", "node_nf_conntrack_entries_limit 262144"])
    }

    @Test func pressure() throws {
        try expect(
            PressureCollector(),
            [
                "node_pressure_cpu_waiting_seconds_total 9.204069", "node_pressure_io_stalled_seconds_total 12.430182",
            ])
        #expect(try fixture.collect(PressureCollector()).seriesCount == 3)
    }

    @Test func processes() throws {
        try expect(
            ProcessesCollector(),
            [
                "node_processes_pids 2", "node_processes_threads 4", "node_processes_max_processes 32768",
                #"node_processes_state{state="S"} 1"#, #"node_processes_state{state="Z"} 1"#,
                #"node_processes_threads_state{thread_state="S"} 2"#,
                #"node_processes_threads_state{thread_state="R"} 1"#,
                #"node_processes_threads_state{thread_state="Z"} 1"#,
            ])
    }

    @Test func system() throws {
        let uname = lines(try fixture.collect(UnameCollector()))
        #expect(uname.count == 1 && uname[0].contains(#"nodename="paper", release="6.1", sysname="Linux", version="#))
        try expect(
            TimeCollector(clock: fixture.clock),
            [
                "node_time_seconds 1700000000.25",
                #"node_time_clocksource_available_info{clocksource="kvm-clock", device="0"} 1"#,
                #"node_time_clocksource_current_info{clocksource="tsc", device="0"} 1"#,
            ])
        try expect(FileDescriptorCollector(), ["node_filefd_allocated 592", "node_filefd_maximum 2466193"])
        try expect(EntropyCollector(), ["node_entropy_available_bits 256", "node_entropy_pool_size_bits 4096"])
        try expect(
            OSCollector(),
            [
                #"node_os_info{id="debian", name="Debian GNU/Linux", pretty_name="A \"quoted\" name", version_id="12.4.1"} 1"#,
                #"node_os_version{id="debian", name="Debian GNU/Linux"} 12.4"#,
            ])
    }

    @Test func sensors() throws {
        try expect(
            ThermalCollector(),
            [
                #"node_thermal_zone_temp{type="x86_pkg_temp", zone="0"} 45.5"#,
                #"node_cooling_device_max_state{name="1", type="Processor"} 10"#,
            ])
        try expect(
            HardwareMonitorCollector(),
            [
                #"node_hwmon_temp_celsius{chip="coretemp", sensor="temp1"} 45"#,
                #"node_hwmon_temp_crit_celsius{chip="coretemp", sensor="temp1"} 100"#,
                #"node_hwmon_temp_crit_alarm_celsius{chip="coretemp", sensor="temp1"} 0"#,
                #"node_hwmon_sensor_label{chip="coretemp", label="package_id_0", sensor="temp1"} 1"#,
                #"node_hwmon_fan_rpm{chip="coretemp", sensor="fan2"} 1200"#,
                #"node_hwmon_in_volts{chip="coretemp", sensor="in0"} 1.5"#,
                #"node_hwmon_power_average_watt{chip="coretemp", sensor="power1"} 2.5"#,
                #"node_hwmon_chip_names{chip="coretemp", chip_name="coretemp"} 1"#,
            ])
    }

    @Test func brokenFilesAreErrorsNotCrashes() throws {
        for (name, _) in HostFixture.files where name.hasPrefix("proc") || name.hasPrefix("sys") {
            try? fixture.directory.write(name, "\u{0}: (((: cpu 99999999999999999999999 -1 x= \t=\n::\n\\\\\\")
        }
        var options = HostOptions()
        options.paths = fixture.paths
        let batch = MetricBatch()
        try HostMetrics(options, clock: fixture.clock).collect(into: batch)
        #expect(batch.seriesCount > 0)
    }
}
