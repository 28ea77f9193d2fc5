import Bedrock
import Foundation
import Model
import Testing

@testable import Agent

@Suite struct TailingTests {
    @Test func readsLinesAsTheyAre() throws {
        let harness = try LogHarness()
        try harness.append("a.log", "one\r\ntwo\n\nthr")
        try harness.start()
        harness.run(until: 3)
        #expect(harness.sink.lines == ["one", "two", ""])
        try harness.append("a.log", "ee\n")
        harness.run(until: 4)
        #expect(harness.sink.lines.last == "three")
        let labels = try #require(harness.sink.entries.first?.labels)
        #expect(labels == Labels(["app": "demo", "filename": harness.path("logs/a.log")]))
    }

    @Test func goesOnWhereItWas() throws {
        let harness = try LogHarness()
        try harness.append("a.log", "one\n")
        try harness.start()
        harness.run(until: 1)
        harness.stop()
        try harness.append("a.log", "two\n")
        try harness.start()
        harness.run(until: 2)
        #expect(harness.sink.lines == ["one", "two"])
    }

    @Test func followsRenamedFilesToTheirEnd() throws {
        let harness = try LogHarness()
        try harness.append("a.log", "one\n")
        try harness.start()
        harness.run(until: 1)
        try harness.append("a.log", "two\n")
        try harness.rename("a.log", "a.log.1")
        try harness.append("a.log", "four\n")
        try harness.append("a.log.1", "three\n")
        harness.run(until: 4)
        #expect(harness.sink.lines == ["one", "two", "three", "four"])
    }

    @Test func catchesUpWithRotationsWhileAway() throws {
        let harness = try LogHarness()
        try harness.append("a.log", "one\n")
        try harness.start()
        harness.run(until: 1)
        harness.kill()
        try harness.append("a.log", "two\n")
        for (number, word) in ["three", "four", "five"].enumerated() {
            usleep(10_000)
            for old in stride(from: number, to: 0, by: -1) { try harness.rename("a.log.\(old)", "a.log.\(old + 1)") }
            try harness.rename("a.log", "a.log.1")
            try harness.append("a.log", word + "\n")
        }
        try harness.start()
        harness.run(until: 5)
        #expect(harness.sink.lines == ["one", "two", "three", "four", "five"])
    }

    @Test(arguments: [false, true])
    func findsTheRestInTheCopyOfATruncatedFile(isAway: Bool) throws {
        let harness = try LogHarness()
        try harness.append("a.log", "one\n")
        try harness.start()
        harness.run(until: 1)
        if isAway { harness.kill() }
        try harness.append("a.log", "two\n")
        try harness.copyTruncate("a.log", "a.log.1")
        // More than before, so that the size alone tells nothing.
        try harness.append("a.log", "three, which is longer than what was\nfour\n")
        if isAway { try harness.start() }
        harness.run(until: 4)
        harness.step(20)
        #expect(harness.sink.lines == ["one", "two", "three, which is longer than what was", "four"])
    }

    @Test func findsGenerationsThatCameAndWentWhileAway() throws {
        let harness = try LogHarness()
        func put(_ name: String, _ text: String, minutesAgo: Double) throws {
            var bytes = Array(text.utf8)
            if name.hasSuffix(".gz") {
                var packed = ByteBuffer()
                bytes.withUnsafeBytes { Gzip.compress($0, into: &packed) }
                bytes = packed.array()
            }
            let path = harness.path("logs/" + name)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -60 * minutesAgo)], ofItemAtPath: path)
        }
        try harness.append("a.log", "")
        try put("a.log.3", "ancient\n", minutesAgo: 60)
        try put("a.log", "zero\n", minutesAgo: 50)
        try harness.start("a.log")
        harness.run(until: 1)
        harness.step(5)
        harness.kill()
        // The rest of what was read, in a copy that was compressed; two generations that nobody saw; another program's file.
        try put("a.log.2.gz", "zero\none\n", minutesAgo: 30)
        try put("a.log.1", "two\n", minutesAgo: 20)
        try put("a.log-20260101.gz", "three\n", minutesAgo: 10)
        try put("a-worker.log", "other\n", minutesAgo: 10)
        try PosixFileSystem().open(harness.path("logs/a.log"), .readWrite).truncate(to: 0)
        try harness.append("a.log", "four\n")
        try harness.start("a.log")
        harness.run(until: 5)
        harness.step(20)
        #expect(harness.sink.lines == ["zero", "one", "two", "three", "four"])
        harness.kill()
        try harness.start("a.log")
        harness.step(50)
        #expect(harness.sink.count == 5)
    }

    @Test func readsCompressedFilesOnce() throws {
        let harness = try LogHarness()
        var packed = ByteBuffer()
        Array("one\ntwo\nthree".utf8).withUnsafeBytes { Gzip.compress($0, into: &packed) }
        try harness.append("a.log", "")
        try Data(packed.array()).write(to: URL(fileURLWithPath: harness.path("logs/old.log.gz")))
        packed.clear()
        Array("four\n".utf8).withUnsafeBytes { Zstd.compress($0, into: &packed) }
        try Data(packed.array()).write(to: URL(fileURLWithPath: harness.path("logs/older.log.zst")))
        for name in ["old.log.gz", "older.log.zst"] {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -60)], ofItemAtPath: harness.path("logs/" + name))
        }
        try harness.start("*")
        harness.run(until: 4)
        harness.stop()
        try harness.start("*")
        harness.step(20)
        #expect(harness.sink.lines.sorted() == ["four", "one", "three", "two"])
    }

    @Test func cutsLinesThatAreTooLong() throws {
        let harness = try LogHarness()
        let long = String(repeating: "x", count: (2 << 20) + 10)
        try harness.append("a.log", long + "\nnext\n")
        try harness.start()
        harness.run(until: 3)
        let entries = harness.sink.entries
        #expect(entries.map(\.line.utf8.count) == [2 << 20, 10, 4])
        #expect(entries.map(\.metadata) == [Labels(["line_part": "1"]), Labels(["line_part": "2"]), .empty])
    }

    @Test func letsGoOfUnfinishedLines() throws {
        let clock = FixedClock()
        let harness = try LogHarness(clock: clock)
        try harness.append("a.log", "begin")
        try harness.start()
        harness.step(20)
        #expect(harness.sink.count == 0)
        clock.advance(milliseconds: 6_000)
        harness.run(until: 1)
        try harness.append("a.log", " and end\nnext\n")
        harness.run(until: 3)
        #expect(harness.sink.lines == ["begin", " and end", "next"])
    }

    @Test func waitsWhileTheQueueIsFull() throws {
        let clock = FixedClock()
        let harness = try LogHarness(clock: clock)
        harness.options.queue.bytesMax = 20_000
        harness.options.queue.segmentBytes = 2_000
        harness.options.recordBytes = 4_000
        harness.sink.fail(Array(repeating: .unavailable("away"), count: 50))
        var expected: [String] = []
        var generator = SeededGenerator(seed: 7)
        for number in 0..<2_000 {
            expected.append("\(number) \(UInt64.random(in: 0...UInt64.max, using: &generator))")
        }
        try harness.append("a.log", expected.joined(separator: "\n") + "\n")
        try harness.start()
        harness.step(200)
        #expect(harness.worker?.statistics.isBlocked == true)
        for _ in 0..<4_000 where harness.sink.count < expected.count {
            clock.advance(milliseconds: 500)
            harness.step()
        }
        #expect(harness.sink.lines == expected)
        #expect(harness.losses.total == 0)
    }
}
