import Bedrock
import LSM
import Model
import Testing

@testable import LogStore

/// Searching a memtable as it lies answers as looking at each line does.
@Suite struct MemtableSearchTests {
    /// Few letters, so that literals begin in one line and would end in the next, or stand in lengths and metadata.
    private static func text(_ samples: inout LogSamples, _ lengths: Range<Int>) -> [UInt8] {
        (0..<samples.int(lengths)).map { _ in [97, 98, 1, 2, 3, 0][samples.int(0..<6)] }
    }

    private static func request(_ samples: inout LogSamples, _ range: LogTimeRange) -> LogRequest {
        let filters = (0..<samples.int(1..<3)).map { _ in
            LineFilter(
                (0..<samples.int(1..<4)).map { _ in .literal(text(&samples, 0..<5)) },
                isNegated: samples.int(0..<3) == 0)
        }
        return LogRequest(matchers: [], range: range, filters: filters)
    }

    @Test func statisticsCountWhatWasSearched() throws {
        let rig = LogRig(seed: 1)
        try rig.open()
        let batch = LogBatch()
        batch.beginStream(LogSamples.labels(0))
        for line in ["one", "two", "seven"] { batch.append(timestamp: LogSamples.start, line: line) }
        try rig.write(batch)
        for flushed in [false, true] {
            if flushed { try rig.flush() }
            let request = LogRequest(
                matchers: [], range: .everything, filters: [LineFilter([.literal(Array("o".utf8))])])
            let selection = try rig.snapshot().select(request)
            #expect(try selection.everything().count == 2)
            let bytes = selection.statistics.bytesDecoded
            #expect(flushed ? bytes > 0 : bytes == 11, "\(bytes)")
        }
    }

    @Test(arguments: 1...12) func answersAsLinesDo(seed: UInt64) throws {
        var samples = LogSamples(seed: seed)
        var model = LogModel()
        let rig = LogRig(seed: seed)
        try rig.open()
        for _ in 0..<6 {
            let batch = LogBatch()
            for _ in 0..<samples.int(1..<12) {
                let labels = LogSamples.labels(samples.int(0..<4))
                batch.beginStream(labels)
                for _ in 0..<samples.int(1..<60) {
                    let time = LogSamples.start + Int64(samples.int(0..<500))
                    let line = Self.text(&samples, samples.int(0..<8) == 0 ? 0..<400 : 0..<12)
                    let value = String(decoding: Self.text(&samples, 1..<300), as: UTF8.self)
                    let metadata: Labels = samples.int(0..<3) == 0 ? Labels(["aab": value]) : .empty
                    model.add(ModelRow(labels: labels, time: time, line: line, metadata: metadata))
                    line.withUnsafeBytes { line in
                        metadata.storage.withUnsafeBytes { batch.append(timestamp: time, line: line, metadata: $0) }
                    }
                }
            }
            try rig.write(batch)
        }
        let snapshot = try rig.snapshot()
        for number in 0..<60 {
            let part = LogTimeRange(
                LogSamples.start + Int64(samples.int(0..<300)), LogSamples.start + Int64(samples.int(300..<600)))
            let request = Self.request(&samples, number % 2 == 0 ? .everything : part)
            let found = try snapshot.select(request).everything { Issue.record("request \(number): \($0)") }
            #expect(found == model.answer(request), "seed \(seed), request \(number): \(request.filters)")
        }
    }
}
