import Bedrock
import Foundation
import Model
import Synchronization
import Testing

@testable import Agent

/// Real files that stop working at a chosen operation, as for a process that is killed there. Reading goes on: it changes nothing.
final class MortalFiles: FileSystem {
    private let base = PosixFileSystem()
    private let left: Atomic<Int>

    init(operations: Int) { left = Atomic(operations) }

    var isDead: Bool { left.load(ordering: .relaxed) <= 0 }

    fileprivate func live(_ path: String) throws(FileError) {
        guard left.wrappingSubtract(1, ordering: .relaxed).newValue > 0 else {
            throw FileError("use", path, .other, text: "killed")
        }
    }

    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        if mode != .read { try live(path) }
        return MortalFile(try base.open(path, mode), self)
    }
    func createDirectory(_ path: String) throws(FileError) { try base.createDirectory(path) }
    func list(_ directory: String) throws(FileError) -> [String] { try base.list(directory) }
    func status(_ path: String) throws(FileError) -> FileStatus? { try base.status(path) }
    func remove(_ path: String) throws(FileError) {
        try live(path)
        try base.remove(path)
    }
    func rename(_ source: String, to target: String) throws(FileError) {
        try live(source)
        try base.rename(source, to: target)
    }
    func syncDirectory(_ path: String) throws(FileError) {}
    func space(_ path: String) throws(FileError) -> (available: UInt64, total: UInt64) { try base.space(path) }
    func lock(_ path: String) throws(FileError) -> any File { try base.lock(path) }
}

private final class MortalFile: File {
    let base: any File
    let owner: MortalFiles

    init(_ base: any File, _ owner: MortalFiles) {
        self.base = base
        self.owner = owner
    }

    var path: String { base.path }
    func size() throws(FileError) -> UInt64 { try base.size() }
    func status() throws(FileError) -> FileStatus { try base.status() }
    func read(at offset: UInt64, into target: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        try base.read(at: offset, into: target)
    }
    /// Killed within a write, half of it is there.
    func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) {
        do throws(FileError) { try owner.live(path) } catch {
            if !source.isEmpty {
                try base.write(UnsafeRawBufferPointer(rebasing: source[..<(source.count / 2)]), at: offset)
            }
            throw error
        }
        try base.write(source, at: offset)
    }
    /// The page cache outlives a process.
    func sync() throws(FileError) { try owner.live(path) }
    func truncate(to size: UInt64) throws(FileError) {
        try owner.live(path)
        try base.truncate(to: size)
    }
    func map() throws(FileError) -> MappedFile { try base.map() }
}

@Suite struct RotationStormTests {
    /// Writes numbered lines as fast as it can, and rotates by renaming, on a thread of its own.
    private final class Storm: @unchecked Sendable {
        private let harness: LogHarness
        private let rotations: Int
        let written = Atomic<Int>(0)
        let isDone = Atomic<Bool>(false)

        init(_ harness: LogHarness, rotations: Int) {
            self.harness = harness
            self.rotations = rotations
        }

        func run() {
            Thread.detachNewThread { [self] in
                try? storm()
                isDone.store(true, ordering: .releasing)
            }
        }

        private func storm() throws {
            let path = harness.path("logs/a.log")
            var number = 0
            for rotation in 0..<rotations {
                let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT, 0o644)
                defer { close(descriptor) }
                for _ in 0..<20 {
                    var text = ""
                    for _ in 0..<25 {
                        text += "line \(number) of the storm\n"
                        number += 1
                    }
                    _ = text.withUTF8 { write(descriptor, $0.baseAddress, $0.count) }
                    written.store(number, ordering: .releasing)
                    usleep(500)
                }
                for old in stride(from: min(rotation, 200), to: 0, by: -1) {
                    try? harness.rename("a.log.\(old)", "a.log.\(old + 1)")
                }
                try harness.rename("a.log", "a.log.1")
            }
        }
    }

    @Test func everyLineArrivesOnceThroughRenamesAndKills() throws {
        let harness = try LogHarness()
        var generator = SeededGenerator(seed: 42)
        try harness.append("a.log", "")
        // A file must have been seen once: what was rotated away before that is nobody's.
        try harness.start()
        harness.step(10)
        harness.kill()
        let storm = Storm(harness, rotations: 100)
        storm.run()
        var kills = 0
        while kills < 10 {
            let files = MortalFiles(operations: Int.random(in: 20...400, using: &generator))
            try? harness.start(files: files)
            harness.sink.beDeaf(false)
            let deafAt = Int.random(in: 0..<200, using: &generator)
            for step in 0..<1_500 where !files.isDead && !(storm.isDone.load(ordering: .acquiring) && step > 300) {
                if step == deafAt && kills % 2 == 0 { harness.sink.beDeaf(true) }
                harness.step()
                if step % 8 == 0 { usleep(200) }
            }
            harness.kill()
            kills += 1
        }
        while !storm.isDone.load(ordering: .acquiring) { usleep(1_000) }
        harness.sink.beDeaf(false)
        try harness.start()
        let expected = storm.written.load(ordering: .acquiring)
        harness.run(until: expected, steps: 20_000)
        harness.step(100)
        check(harness.sink.lines, expected)
    }

    @Test func everyLineArrivesOnceThroughCopiesAndKills() throws {
        let harness = try LogHarness(seed: 9)
        var generator = SeededGenerator(seed: 43)
        var number = 0
        try harness.append("a.log", "")
        for rotation in 0..<100 {
            if rotation % 10 == 0 {
                harness.kill()
                try? harness.start(files: MortalFiles(operations: Int.random(in: 50...300, using: &generator)))
                if harness.worker == nil { try harness.start() }
                harness.step(5)
            }
            for _ in 0..<Int.random(in: 1...5, using: &generator) {
                var text = ""
                for _ in 0..<Int.random(in: 1...60, using: &generator) {
                    text += "line \(number) of the storm\n"
                    number += 1
                }
                try harness.append("a.log", text)
                harness.step(Int.random(in: 0...3, using: &generator))
            }
            for old in stride(from: rotation, to: 0, by: -1) {
                try harness.rename("a.log.\(old)", "a.log.\(old + 1)")
            }
            try harness.copyTruncate("a.log", "a.log.1")
            harness.step(Int.random(in: 1...3, using: &generator))
        }
        harness.kill()
        try harness.start()
        harness.run(until: number, steps: 5_000)
        harness.step(50)
        check(harness.sink.lines, number)
    }

    private func check(_ lines: [String], _ expected: Int) {
        var seen = [Int](repeating: 0, count: expected)
        var strange = 0
        for line in lines {
            let parts = line.split(separator: " ")
            if parts.count == 5, let number = Int(parts[1]), number < expected {
                seen[number] += 1
            } else {
                strange += 1
            }
        }
        let missing = seen.indices.filter { seen[$0] == 0 }
        let repeated = seen.indices.filter { seen[$0] > 1 }
        #expect(missing.count == 0, "\(missing.count) of \(expected) are missing, first \(missing.prefix(5))")
        #expect(repeated.count == 0, "\(repeated.count) came more than once, first \(repeated.prefix(5))")
        #expect(strange == 0)
    }
}
