import Testing

@testable import Bedrock

private func write(_ text: String, to path: String, at offset: UInt64 = 0, _ fs: SimulatedFileSystem) throws -> any File
{
    let file = try fs.open(path, .readWrite)
    try Array(text.utf8).withUnsafeBytes { try file.write($0, at: offset) }
    return file
}

private func text(_ path: String, _ fs: SimulatedFileSystem) throws -> String {
    String(decoding: try fs.readAll(path), as: UTF8.self)
}

@Suite struct SimulatedFileSystemTests {
    @Test func syncedContentUnderASyncedNameSurvives() throws {
        for seed in 0..<50 as Range<UInt64> {
            let fs = SimulatedFileSystem(seed: seed)
            try fs.createDirectory("/d")
            try fs.syncDirectory("/")
            let file = try write("kept", to: "/d/f", fs)
            try file.sync()
            try fs.syncDirectory("/d")
            _ = try write("lost", to: "/d/g", fs)
            fs.crash()
            #expect(throws: FileError.self) { try fs.open("/d/f", .read) }
            fs.restart()
            #expect(try text("/d/f", fs) == "kept")
            #expect(throws: FileError.self) { try file.size() }
        }
    }

    @Test func unsyncedContentIsForgottenKeptOrTorn() throws {
        var seen: Set<String> = []
        for seed in 0..<800 as Range<UInt64> {
            let fs = SimulatedFileSystem(seed: seed)
            let file = try write(String(repeating: "a", count: 1024), to: "/f", fs)
            try file.sync()
            try fs.syncDirectory("/")
            _ = try write(String(repeating: "b", count: 1024), to: "/f", fs)
            #expect(try text("/f", fs) == String(repeating: "b", count: 1024))
            fs.crash()
            fs.restart()
            let bytes = try fs.readAll("/f")
            #expect(bytes.count == 1024)
            let sectors = [bytes[..<512], bytes[512...]].map { sector in
                sector.allSatisfy { $0 == UInt8(ascii: "a") }
                    ? "old" : sector.allSatisfy { $0 == UInt8(ascii: "b") } ? "new" : "garbage"
            }
            seen.insert(sectors.joined(separator: " "))
        }
        #expect(seen.isSuperset(of: ["old old", "new new", "old new", "new old", "garbage new"]), "\(seen)")
    }

    @Test func unsyncedNamesMayGoOrStay() throws {
        var seen: Set<[String]> = []
        for seed in 0..<100 as Range<UInt64> {
            let fs = SimulatedFileSystem(seed: seed)
            try write("x", to: "/old", fs).sync()
            try fs.syncDirectory("/")
            try fs.rename("/old", to: "/new")
            fs.crash()
            fs.restart()
            seen.insert(try fs.list("/"))
        }
        #expect(seen == [["old"], ["new"]])
    }

    @Test func aFailedSyncLosesPagesForGood() throws {
        var lost = 0
        for seed in 0..<100 as Range<UInt64> {
            let fs = SimulatedFileSystem(seed: seed)
            let file = try write("x", to: "/f", fs)
            try fs.syncDirectory("/")
            fs.setFaults { $0.fail = { operation, _ in operation == .sync ? .io : nil } }
            #expect(throws: FileError.self) { try file.sync() }
            fs.setFaults { $0.fail = nil }
            // The kernel thinks that the pages are clean: success says nothing.
            try file.sync()
            fs.crash()
            fs.restart()
            if try fs.readAll("/f").isEmpty { lost += 1 }
        }
        #expect(lost > 20 && lost < 80, "\(lost)")
    }

    @Test func powerGoesAtTheChosenChange() throws {
        let fs = SimulatedFileSystem(seed: 1)
        try fs.createDirectory("/d")
        fs.setFaults { $0.crashAt = 3 }
        let file = try fs.open("/d/f", .createNew)
        #expect(fs.changeCount == 2 && !fs.isDown)
        #expect(throws: FileError.self) { try [1, 2, 3].withUnsafeBytes { try file.write($0, at: 0) } }
        #expect(fs.isDown)
        #expect(throws: FileError.self) { try fs.list("/d") }
        fs.restart()
        _ = try fs.list("/")
    }

    @Test func onlyTheProcessDied() throws {
        let fs = SimulatedFileSystem(seed: 1)
        let file = try write("cached", to: "/f", fs)
        let lock = try fs.lock("/LOCK")
        #expect(throws: FileError.self) { try fs.lock("/LOCK") }
        fs.crash()
        fs.restart(keepingCache: true)
        #expect(try text("/f", fs) == "cached")
        #expect(throws: FileError.self) { try file.size() }
        _ = try fs.lock("/LOCK")
        withExtendedLifetime(lock) {}
    }

    @Test func fullDiskTakesWhatFitsAndRecovers() throws {
        let fs = SimulatedFileSystem(seed: 1, capacity: 10)
        let file = try write("12345678", to: "/f", fs)
        let error = #expect(throws: FileError.self) { try write("abcd", to: "/f", at: 8, fs) }
        #expect(error?.reason == .full)
        #expect(try file.size() == 10)
        #expect(try fs.space("/").available == 0)
        fs.setCapacity(100)
        _ = try write("abcd", to: "/f", at: 8, fs)
        #expect(try text("/f", fs) == "12345678abcd")
        try fs.remove("/f")
        #expect(fs.usedBytes == 0)
    }

    @Test func readsComeShortOrFlippedOnDemand() throws {
        let fs = SimulatedFileSystem(seed: 1)
        _ = try write("AAAA", to: "/f", fs)
        fs.setFaults { $0.spoilRead = { _, _, _ in .short(by: 1) } }
        #expect(try text("/f", fs) == "AAA")
        fs.setFaults { $0.spoilRead = { _, _, _ in .flip(bit: 9) } }
        #expect(try text("/f", fs) == "ACAA")
        fs.setFaults { $0.spoilRead = { _, _, _ in .fail } }
        #expect(throws: FileError.self) { try fs.readAll("/f") }
        fs.setFaults { $0.spoilRead = nil }
        fs.flip(bit: 0, of: "/f")
        #expect(try text("/f", fs) == "@AAA")
    }

    @Test func sameSeedSameOutcome() throws {
        func run(_ seed: UInt64) throws -> [[UInt8]] {
            let fs = SimulatedFileSystem(seed: seed)
            for name in ["a", "b", "c"] {
                _ = try write(String(repeating: name, count: 2000), to: "/\(name)", fs)
            }
            try fs.syncDirectory("/")
            fs.crash()
            fs.restart()
            return try ["a", "b", "c"].map { try fs.readAll("/\($0)") }
        }
        #expect(try run(7) == run(7))
    }

    @Test func behavesLikeThePosixOne() throws {
        let root = "/tmp/obs-bedrock-\(UInt64.random(in: 0 ... .max))"
        let posix = PosixFileSystem()
        defer { for name in ["a/b/f", "a/b", "a", ""] { try? posix.remove(Path.join(root, name)) } }
        for fs in [posix, SimulatedFileSystem(seed: 1)] as [any FileSystem] {
            try fs.createDirectory(Path.join(root, "a/b"))
            try fs.createDirectory(Path.join(root, "a/b"))
            let path = Path.join(root, "a/b/f")
            #expect(throws: FileError.self) { try fs.open(path, .read) }
            let file = try fs.open(path, .createNew)
            #expect(throws: FileError.self) { try fs.open(path, .createNew) }
            try [1, 2, 3].withUnsafeBytes { try file.write($0, at: 0) }
            try file.truncate(to: 4)
            #expect(try fs.status(path)?.size == 32 / 8)
            #expect(throws: FileError.self) { try fs.remove(Path.join(root, "a")) }
            let mapped = try file.map()
            #expect(mapped.bytes.count == 4)
            try fs.replace(path, with: [9])
            #expect(try fs.readAll(path) == [9])
            #expect(try fs.list(Path.join(root, "a")) == ["b"])
            #expect(try fs.list(Path.join(root, "a/b")) == ["f"])
            try fs.remove(path)
            #expect(try fs.status(path) == nil)
            try fs.remove(path)
        }
    }
}
