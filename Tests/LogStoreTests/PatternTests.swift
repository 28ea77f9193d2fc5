import Bedrock
import LSM
import Model
import Testing

@testable import LogStore

@Suite struct PatternTests {
    @Test func templatesAreCountedByStep() throws {
        let rig = LogRig()
        try rig.open()
        let step: Int64 = 60_000_000_000
        for minute in 0..<3 as Range<Int64> {
            let batch = LogBatch()
            batch.beginStream(Labels(["app": "a"]))
            for i in 0..<10 as Range<Int64> {
                batch.append(timestamp: minute * step + i, line: "user \(i * 17 + minute) logged in from 10.0.0.\(i)")
            }
            batch.append(timestamp: minute * step + 20, line: "started")
            try rig.write(batch)
            if minute == 1 { try rig.flush() }
        }
        let patterns = try rig.snapshot().patterns(
            matching: [Matcher("app", equals: "a")], range: LogTimeRange(0, 4 * step), stepNanoseconds: step, limit: 10,
            cancellation: Cancellation())
        #expect(patterns.reduce(0) { $0 + $1.total } == 33)
        #expect(patterns.first?.text.contains("logged in from") == true)
        #expect(patterns.first?.text.contains("<_>") == true)
        #expect(patterns.first { $0.text == "started" }?.counts.map(\.time) == [0, step, 2 * step])
        #expect(patterns.first { $0.text == "started" }?.counts.map(\.count) == [1, 1, 1])
    }

    /// Lines of many users are one pattern, those of a frequent user and those that are only in memory included.
    @Test func templatesWithWordsTakeTheirLinesIn() throws {
        let rig = LogRig()
        try rig.open()
        var random = SeededGenerator(seed: 4)
        for part in 0..<3 as Range<Int64> {
            let batch = LogBatch()
            batch.beginStream(Labels(["app": "a"]))
            for i in 0..<200 as Range<Int64> {
                let name = String((0..<9).map { _ in "ghijklmnopqrstuvwxyz".randomElement(using: &random) ?? "g" })
                batch.append(
                    timestamp: part * 1000 + i,
                    line: "user \(i % 4 == 0 ? "root" : name) logged in from /dev/\(name)/tty")
                batch.append(
                    timestamp: part * 1000 + i,
                    line: "user \(i % 4 == 0 ? "root" : name) logged out after \(i * 11) seconds")
                if i % 4 == 0 {
                    batch.append(timestamp: part * 1000 + i, line: "user root logged in from /dev/console")
                }
            }
            try rig.write(batch)
            if part < 2 { try rig.flush() }
        }
        let patterns = try rig.snapshot().patterns(
            matching: [], range: LogTimeRange(0, 10_000), stepNanoseconds: 1_000_000, limit: 10,
            cancellation: Cancellation())
        #expect(
            patterns.map(\.text) == ["user <_> logged in from <_>", "user <_> logged out after <_> seconds"])
        #expect(patterns.map(\.total) == [750, 600])
    }
}
