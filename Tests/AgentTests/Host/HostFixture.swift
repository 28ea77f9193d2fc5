import Bedrock
import Model

@testable import Agent

/// A small machine on paper: trees that look like /proc and /sys.
struct HostFixture {
    let directory: TemporaryDirectory
    let clock = FixedClock(1_700_000_000_250)

    var paths: HostPaths {
        HostPaths(
            proc: directory.path + "/proc", sys: directory.path + "/sys", root: directory.path + "/root",
            udev: directory.path + "/udev")
    }

    init() throws {
        directory = try TemporaryDirectory()
        for (name, text) in Self.files { try directory.write(name, text) }
    }

    func collect(_ collector: some HostCollector) throws -> MetricBatch {
        let batch = MetricBatch()
        var out = HostSamples(into: batch, timestamp: clock.now())
        try collector.collect(paths, into: &out)
        return batch
    }

    static let files: KeyValuePairs<String, String> = [
        "proc/stat": """
        cpu  300 20 200 4000 30 1 2 3 40 5
        cpu0 100 10 50 2000 10 0 1 2 20 4
        cpu1 200 10 150 2000 20 1 1 1 20 1
        intr 127864 0 0 5
        ctxt 174763
        btime 1795754533
        processes 8118
        procs_running 2
        procs_blocked 1
        softirq 116039 0 18114
        """,
        "proc/loadavg": "0.21 0.12 0.06 2/99 4711\n",
        "proc/meminfo": """
        MemTotal:       24684096 kB
        Active(anon):       1024 kB
        HugePages_Total:       3
        Hugepagesize:       2048 kB
        """,
        "proc/diskstats": """
           7       0 loop0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
         254       0 vda 30965 7423 5486530 41209 6905 7791 1203376 7172 2 19896 48861 1113 0 203408 387 1117 91
         254       1 vda1 1 1 1 1 1 1 1 1 1 1 1
           8      16 sdb 1 2 3 4 5 6 7 8 9 10 11

        """,
        "udev/b8:16": """
        S:disk/by-id/x
        E:ID_MODEL=Fast_Disk
        E:ID_SERIAL_SHORT=S=1
        E:ID_FS_TYPE=ext4
        E:ID_FS_UUID=u-u-i-d
        """,
        "proc/1/mounts": """
        proc /proc proc rw 0 0
        /dev/vda / ext4 rw,relatime 0 0
        /dev/vda / ext4 rw,relatime 0 0
        /dev/vdb /data\\040disk xfs ro,noatime 0 0
        server:/export /gone nfs rw 0 0

        """,
        "root/data disk/x": "",
        "root/etc/os-release": """
        # a comment=with equals
        NAME="Debian GNU/Linux"
        VERSION_ID='12.4.1'
        ID=debian
        PRETTY_NAME="A \\"quoted\\" name"
        """,
        "proc/net/dev": """
        Inter-|   Receive                                                |  Transmit
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
            lo:  124035     102    0    0    0     0          0         0   124035     102    0    0    0     0       0          0
          eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16

        """,
        "sys/class/net/eth0/statistics/rx_nohandler": "7\n",
        "sys/class/net/eth0/operstate": "up\n",
        "sys/class/net/eth0/address": "02:fc:00:00:00:01\n",
        "sys/class/net/eth0/mtu": "1400\n",
        "sys/class/net/eth0/speed": "1000\n",
        "sys/class/net/eth0/flags": "0x1003\n",
        "sys/class/net/eth0/carrier_changes": "2\n",
        "sys/class/net/bonding_masters": "\n",
        "proc/pressure/cpu": """
        some avg10=0.91 avg60=2.15 avg300=1.05 total=9204069
        full avg10=0.00 avg60=0.00 avg300=0.00 total=0

        """,
        "proc/pressure/io": """
        some avg10=0.57 avg60=0.74 avg300=0.64 total=12847209
        full avg10=0.47 avg60=0.59 avg300=0.58 total=12430182

        """,
        "proc/vmstat": """
        nr_free_pages 1
        pgpgin 2743265
        pgfault 5
        pgmajfault 6
        pgscan_kswapd 9
        oom_kill 1
        """,
        "proc/4711/stat": "4711 (a) b)) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 3 18 19\n",
        "proc/4711/task/4711/stat": "4711 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 3 18\n",
        "proc/4711/task/4712/stat": "4712 (a) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 3 18\n",
        "proc/4711/task/4713/stat": "4713 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 3 18\n",
        "proc/4720/stat": "4720 (z) Z 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 1 18 19\n",
        "proc/sys/kernel/threads-max": "192731\n",
        "proc/sys/kernel/pid_max": "32768\n",
        "proc/sys/kernel/ostype": "Linux\n",
        "proc/sys/kernel/osrelease": "6.1\n",
        "proc/sys/kernel/version": "#1 SMP\n",
        "proc/sys/kernel/hostname": "paper\n",
        "proc/sys/kernel/domainname": "(none)\n",
        "proc/sys/kernel/random/entropy_avail": "256\n",
        "proc/sys/kernel/random/poolsize": "4096\n",
        "proc/sys/fs/file-nr": "592\t0\t2466193\n",
        "proc/net/sockstat": """
        sockets: used 17
        TCP: inuse 1 orphan 0 tw 2 alloc 1 mem 330
        FRAG: inuse 0 memory 0

        """,
        "proc/net/sockstat6": "TCP6: inuse 4\n",
        "proc/net/netstat": """
        TcpExt: SyncookiesSent ListenDrops Unwanted
        TcpExt: 1 2 3

        """,
        "proc/net/snmp": """
        Ip: Forwarding DefaultTTL
        Ip: 2 64
        Udp: InErrors
        Udp: 9

        """,
        "proc/net/snmp6": "Ip6InOctets \t 5\nIp6OutNoRoutes 6\n",
        "proc/net/softnet_stat": "00001788 00000001 00000002 0\n",
        "proc/sys/net/netfilter/nf_conntrack_count": "3\n",
        "proc/sys/net/netfilter/nf_conntrack_max": "262144\n",
        "sys/devices/system/clocksource/clocksource0/available_clocksource": "kvm-clock tsc \n",
        "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
        "sys/class/thermal/thermal_zone0/type": "x86_pkg_temp\n",
        "sys/class/thermal/thermal_zone0/temp": "45500\n",
        "sys/class/thermal/cooling_device1/type": "Processor\n",
        "sys/class/thermal/cooling_device1/cur_state": "0\n",
        "sys/class/thermal/cooling_device1/max_state": "10\n",
        "sys/class/hwmon/hwmon0/name": "coretemp\n",
        "sys/class/hwmon/hwmon0/temp1_input": "45000\n",
        "sys/class/hwmon/hwmon0/temp1_crit": "100000\n",
        "sys/class/hwmon/hwmon0/temp1_crit_alarm": "0\n",
        "sys/class/hwmon/hwmon0/temp1_label": "Package id 0\n",
        "sys/class/hwmon/hwmon0/fan2_input": "1200\n",
        "sys/class/hwmon/hwmon0/in0_input": "1500\n",
        "sys/class/hwmon/hwmon0/power1_average": "2500000\n",
    ]
}
