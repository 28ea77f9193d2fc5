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
}
