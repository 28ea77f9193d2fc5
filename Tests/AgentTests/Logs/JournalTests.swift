import Bedrock
import Model
import Testing

@testable import Agent

@Suite struct JournalTests {
    /// A journal in memory, whose cursors are its entries' numbers.
    private final class Entries: JournalSource {
        let lines: [String]
        private var at = -1

        init(_ lines: [String]) { self.lines = lines }

        func seek(after cursor: [UInt8]) -> Int32 {
            at = Int(String(decoding: cursor.dropFirst(2), as: UTF8.self)) ?? -1
            return 0
        }
        func seek(microseconds: UInt64) -> Int32 {
            at = -1
            return 0
        }
        func next() -> Int32 {
            guard at + 1 < lines.count else { return 0 }
            at += 1
            return 1
        }
        func cursor() -> [UInt8]? { Array("s=\(at)".utf8) }
        func time() -> UInt64? { 1_700_000_000_000_000 + UInt64(at) }
        func fields() -> [(name: String, value: [UInt8])] {
            let parts = lines[at].split(separator: ":", maxSplits: 1)
            return [("_SYSTEMD_UNIT", Array(parts[0].utf8)), ("MESSAGE", Array(parts[1].utf8))]
        }
    }

    private let clock = FixedClock()

    private func input(_ lines: [String], _ positions: [String: [UInt8]]) throws -> JournalInput {
        let configuration = try LogConfiguration.read(
            """
            log_configs:
              - job_name: j
                journal: {}
                relabel_configs:
                  - {source_labels: [__journal__systemd_unit], target_label: unit}
                pipeline_stages:
                  - multiline: {firstline: '^\\S', max_wait_time: 3s}
            """, file: "test.yml")
        let job = try #require(configuration.jobs.first)
        let journal = Entries(lines)
        return JournalInput(
            job: TailJob(job, clock: clock, losses: MemoryLosses()), settings: try #require(job.journal),
            positions: positions, clock: clock, log: Logger("test", sink: MemorySink()), open: { _ in (journal, 0) })
    }

    /// Steps an input once: its lines, and the position that goes with them.
    private func read(_ input: JournalInput, _ positions: inout [String: [UInt8]]) -> [String] {
        let builder = LogRecordBuilder()
        _ = input.read(into: builder, bytes: 1 << 20, now: clock.monotonicNanoseconds())
        let record = builder.finish()
        for advance in record.advances { positions[advance.key] = advance.value }
        return record.sections.flatMap { section in
            section.batch.rows.indices.map { String(decoding: section.batch.line($0), as: UTF8.self) }
        }
    }

    @Test func heldEntriesAreLetGoInTimeAndReadAgainAfterACrash() throws {
        let lines = ["a:first", "b:other", "a:  more", "b:last", "a:  and more"]
        var positions: [String: [UInt8]] = [:]
        let first = try input(lines, positions)
        #expect(read(first, &positions) == ["other"])
        // Killed: what was held back is joined as it would have been, what was sent isn't sent again.
        let second = try input(lines, positions)
        #expect(read(second, &positions) == [])
        #expect(second.due <= clock.monotonicNanoseconds() + 3_000_000_000)
        clock.advance(milliseconds: 3_100)
        #expect(read(second, &positions).sorted() == ["first\n  more\n  and more", "last"])
        let third = try input(lines + ["a:new"], positions)
        #expect(read(third, &positions) == [])
        clock.advance(milliseconds: 3_100)
        #expect(read(third, &positions) == ["new"])
    }
}
