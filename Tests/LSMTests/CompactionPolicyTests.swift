import Bedrock
import Model
import Testing

@testable import LSM

private let hour: Int64 = 3_600_000
private let start: Int64 = 1000 * 24 * hour

private func run(
    _ name: String, tier: Int, _ offsets: ClosedRange<UInt64>, _ time: ClosedRange<Int64>, bytes: Int = 100,
    window length: Int64 = 2 * hour, tombstonesThrough: UInt64 = 0
) -> SegmentRecord {
    SegmentRecord(
        name: name, tenant: .default, tier: tier,
        window: tier == 0 ? nil : CompactionPolicy.window(length, holding: start + time.lowerBound),
        summary: SegmentSummary(
            timeRange: TimeRange(start + time.lowerBound, start + time.upperBound), seriesCount: 1, rowCount: 1,
            byteCount: bytes, formatVersion: 1), firstOffset: offsets.lowerBound, lastOffset: offsets.upperBound,
        epoch: 1,
        tombstonesThrough: tombstonesThrough)
}

private func next(_ runs: [SegmentRecord], now: Int64, tombstones: [Tombstone] = []) -> CompactionJob? {
    CompactionPolicy(EngineOptions()).next(runs, tombstones: tombstones, now: start + now, retentionStart: .min)
}

@Suite struct CompactionPolicyTests {
    @Test func flushedRunsMergeWhenEnoughOrClosedAndSplitByWindow() {
        let three = (0..<3 as Range<UInt64>).map { run("f\($0)", tier: 0, $0 * 10 + 1...$0 * 10 + 10, hour...hour) }
        #expect(next(three, now: hour) == nil)
        let four = three + [run("f3", tier: 0, 31...40, hour...3 * hour)]
        let job = next(four, now: hour)
        #expect(job?.inputs.map(\.name) == ["f0", "f1", "f2", "f3"])
        #expect(
            job?.outputs.map(\.window) == [
                TimeRange(start, start + 2 * hour - 1), TimeRange(start + 2 * hour, start + 4 * hour - 1),
            ])
        #expect(next([three[0]], now: 3 * hour)?.inputs.count == 1)
    }

    @Test func closedWindowBecomesOneRunAndLateOnesWait() {
        let big = run("big", tier: 1, 1...10, 0...hour, bytes: 1000)
        let late = run("late", tier: 1, 11...20, 0...hour, bytes: 99)
        #expect(next([big, late], now: hour) == nil)
        #expect(next([big, late], now: 3 * hour) == nil)
        let more = run("more", tier: 1, 21...30, 0...hour, bytes: 1)
        let job = next([big, late, more], now: 3 * hour)
        #expect(job?.inputs.map(\.name) == ["big", "late", "more"])
        #expect(job?.outputs.map(\.tier) == [1])
        // A flushed run that may add to the window comes first.
        let flushed = run("flushed", tier: 0, 31...40, hour...4 * hour)
        #expect(next([big, late, more, flushed], now: 3 * hour) == nil)
    }

    @Test func dayGathersItsWindowsOnceClosed() {
        let runs = (0..<12 as Range<Int64>).map {
            run("w\($0)", tier: 1, UInt64($0) * 10 + 1...UInt64($0) * 10 + 10, $0 * 2 * hour...$0 * 2 * hour)
        }
        #expect(next(runs, now: 24 * hour) == nil)
        let job = next(runs, now: 25 * hour)
        #expect(job?.inputs.count == 12)
        #expect(job?.outputs == [CompactionJob.Output(tier: 2, window: TimeRange(start, start + 24 * hour - 1))])
    }

    @Test func wideWindowsNeedALongRetention() {
        var options = EngineOptions()
        #expect(options.windows == [2 * hour, 24 * hour])
        options.retentionMilliseconds = 70 * 24 * hour
        #expect(options.windows.count == 3)
        options.retentionMilliseconds = hour
        #expect(options.windows == [2 * hour])
    }

    @Test func aPendingDeleteDividesTheInputs() {
        let runs = (0..<4 as Range<UInt64>).map { run("f\($0)", tier: 0, $0 * 10 + 1...$0 * 10 + 9, hour...hour) }
        let delete = Tombstone(tenant: .default, matchers: [], range: .everything, offset: 20)
        let job = next(runs, now: hour, tombstones: [delete])
        #expect(job?.inputs.map(\.name) == ["f0", "f1"])
        #expect(job?.tombstones == [delete])
        let later = Tombstone(tenant: .default, matchers: [], range: .everything, offset: 100)
        #expect(next(runs, now: hour, tombstones: [later])?.inputs.count == 4)
        let elsewhere = Tombstone(tenant: Tenant("other"), matchers: [], range: .everything, offset: 20)
        #expect(next(runs, now: hour, tombstones: [elsewhere])?.tombstones == [])
        // Once applied to what is older, it divides no more.
        var clean = runs
        clean[0].tombstonesThrough = 20
        clean[1].tombstonesThrough = 20
        #expect(next(clean, now: hour, tombstones: [delete])?.inputs.count == 4)
    }

    @Test func windowsOfExtremeTimes() {
        for time in [Int64.min, -1, 0, 1, .max] {
            let window = CompactionPolicy.window(2 * hour, holding: time)
            #expect(window.contains(time) || time == .min)
        }
    }

    @Test func retentionDropsWholeWindowsOldestFirst() {
        let runs = [
            run("a", tier: 1, 1...1, 0...hour), run("a2", tier: 1, 2...2, 0...(hour / 2)),
            run("b", tier: 1, 3...3, 2 * hour...3 * hour), run("c", tier: 0, 4...4, 5 * hour...5 * hour),
        ]
        #expect(RetentionPolicy.expired(runs, before: start + 2 * hour).map(\.name) == ["a", "a2"])
        func over(_ most: Int, _ closed: Int64) -> [String] {
            RetentionPolicy.overflowing(runs, byteCountMax: most, closedBefore: start + closed).map(\.name).sorted()
        }
        #expect(over(400, 9 * hour) == [])
        #expect(over(399, 9 * hour) == ["a", "a2"])
        #expect(over(199, 9 * hour) == ["a", "a2", "b"])
        #expect(over(0, 3 * hour) == ["a", "a2"])
    }
}
