import Testing

@testable import Instruments

@Suite struct ProcessMetricsTests {
    @Test func readsStat() {
        let line =
            "4242 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 9 0 12345 1048576 100 18446744073709551615 1 1 0 0 0\n"
        let stat = ProcessMetrics.Stat(line, ticksPerSecond: 100, pageBytes: 4096)
        #expect(stat?.cpuSeconds == 2)
        #expect(stat?.threads == 9)
        #expect(stat?.startSeconds == 123.45)
        #expect(stat?.virtualBytes == 1_048_576)
        #expect(stat?.residentBytes == 409_600)
        for bad in ["", "1 (x", "1 (x) S 1 2", "nonsense) S"] {
            #expect(ProcessMetrics.Stat(bad, ticksPerSecond: 100, pageBytes: 4096) == nil)
        }
    }

    @Test func tellsOfThisProcess() {
        let registry = InstrumentRegistry()
        ProcessMetrics.register(in: registry)
        let lines = String(decoding: TextExposition.write(registry), as: UTF8.self).split(separator: "\n")
        var values: [Substring: Double] = [:]
        for line in lines where !line.hasPrefix("#") {
            let parts = line.split(separator: " ")
            values[parts[0]] = Double(parts[1])
        }
        #expect((values["process_resident_memory_bytes"] ?? 0) > 1_000_000)
        #expect((values["process_open_fds"] ?? 0) >= 3)
        #expect((values["process_max_fds"] ?? 0) >= (values["process_open_fds"] ?? 0))
        #expect((values["process_start_time_seconds"] ?? 0) > 1_500_000_000)
        #expect((values["process_threads"] ?? 0) >= 1)
        #expect(values["process_cpu_seconds_total"] != nil)
    }
}
