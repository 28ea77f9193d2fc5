import Bedrock
import Testing

@testable import LSM

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// A log on a simulated disk that can die.
private final class LogRig {
    let fileSystem: SimulatedFileSystem
    let clock = SimulatedClock()
    var options = LocalLogOptions()
    private(set) var log: LocalLog!

    init(seed: UInt64 = 1, fileBytes: Int = 1 << 20) {
        fileSystem = SimulatedFileSystem(seed: seed)
        options.fileBytes = fileBytes
    }

    func open(firstOffset: UInt64 = 1) throws {
        log = nil
        log = try LocalLog(
            directory: "/log", firstOffset: firstOffset, options: options, fileSystem: fileSystem, clock: clock)
    }

    func crash(keepingCache: Bool = false) {
        log = nil
        fileSystem.crash()
        fileSystem.restart(keepingCache: keepingCache)
    }

    func write(_ texts: String...) throws {
        for text in texts { _ = try bytes(text).withUnsafeBytes { try log.append($0) } }
        try log.sync()
    }

    func read(from offset: UInt64 = 1) throws -> [String] {
        var texts: [String] = []
        try log.replay(from: offset) { texts.append("\($0)=" + String(decoding: $1, as: UTF8.self)) }
        return texts
    }

    func damages(from offset: UInt64 = 1) throws -> (lost: [ClosedRange<UInt64>], texts: [String]) {
        var lost: [ClosedRange<UInt64>] = []
        var texts: [String] = []
        try log.replay(from: offset, damage: { lost.append($0.offsets) }) {
            texts.append("\($0)=" + String(decoding: $1, as: UTF8.self))
        }
        return (lost, texts)
    }

    var files: [String] { (try? fileSystem.list("/log")) ?? [] }
}

@Suite struct LocalLogTests {
    @Test func recordsComeBackInOrder() throws {
        let rig = LogRig()
        try rig.open()
        #expect(rig.log.nextOffset == 1)
        try rig.write("a", "bb")
        try rig.write("")
        #expect(try rig.read() == ["1=a", "2=bb", "3="])
        #expect(try rig.read(from: 3) == ["3="])
        rig.crash()
        try rig.open()
        #expect(rig.log.nextOffset == 4)
        #expect(try rig.read() == ["1=a", "2=bb", "3="])
        try rig.write("d")
        #expect(try rig.read() == ["1=a", "2=bb", "3=", "4=d"])
    }

    @Test func filesRollAndAreTrimmed() throws {
        let rig = LogRig(fileBytes: 100)
        try rig.open()
        for i in 0..<10 { try rig.write("record \(i)") }
        #expect(rig.files.count > 3)
        try rig.log.trim(through: 5)
        #expect(try rig.read(from: 6).count == 5)
        try rig.log.trim(through: 10)
        #expect(rig.files.isEmpty && rig.log.byteCount == 0)
        try rig.write("next")
        #expect(try rig.read(from: 11) == ["11=next"])
        rig.crash()
        try rig.open(firstOffset: 11)
        #expect(try rig.read(from: 11) == ["11=next"])
        rig.crash()
        try rig.open(firstOffset: 50)
        #expect(rig.log.nextOffset == 50)
    }

    @Test func tooLargeRecordsAreRefused() throws {
        let rig = LogRig()
        rig.options.recordBytesMax = 10
        try rig.open()
        #expect(throws: QueueError.tooLarge(bytes: 11, limit: 10)) {
            try [UInt8](repeating: 0, count: 11).withUnsafeBytes { try rig.log.append($0) }
        }
        try rig.write("small")
        #expect(try rig.read() == ["1=small"])
    }

    @Test func everyCutOfTheTailIsTornAndNothingElse() throws {
        let reference = LogRig()
        try reference.open()
        try reference.write("first")
        try reference.write("second", "third")
        let whole = try reference.fileSystem.readAll("/log/" + reference.files[0])
        for cut in LogFileHeader.byteCount..<whole.count {
            let rig = LogRig()
            try rig.fileSystem.createDirectory("/log")
            let file = try rig.fileSystem.open("/log/" + reference.files[0], .createNew)
            try whole[..<cut].withUnsafeBytes { try file.write($0, at: 0) }
            try rig.open()
            // The first group was in the file when it got its name.
            let (lost, texts) = try rig.damages()
            #expect(texts.elementsEqual(["1=first", "2=second", "3=third"].prefix(texts.count)))
            #expect(lost == (texts.isEmpty ? [1...1] : []))
            #expect(rig.log.nextOffset == UInt64(max(texts.count, 1)) + 1)
        }
    }

    @Test func damageBeforeTheTailIsReportedAndStepsOver() throws {
        let reference = LogRig()
        try reference.open()
        for text in ["one", "two", "three", "four"] { try reference.write(text) }
        let name = "/log/" + reference.files[0]
        let size = try reference.fileSystem.readAll(name).count
        for byte in LogFileHeader.byteCount..<size {
            let rig = LogRig()
            try rig.open()
            for text in ["one", "two", "three", "four"] { try rig.write(text) }
            rig.fileSystem.flip(bit: byte * 8 + byte % 8, of: name)
            try rig.open()
            let (lost, texts) = try rig.damages()
            // Padding doesn't count; the last record can't be told from a torn one.
            let all = Set(texts).union(
                lost.flatMap { Array($0) }.map { "\($0)=" + ["one", "two", "three", "four"][Int($0) - 1] })
            #expect(all.count >= 3 && texts.count >= 3, "byte \(byte): \(texts) \(lost)")
            if texts.last != "4=four" { #expect(texts == ["1=one", "2=two", "3=three"] && lost == []) }
        }
    }

    @Test func afterAFailedSyncNothingOfItIsKept() throws {
        for seed in 0..<60 as Range<UInt64> {
            let rig = LogRig(seed: seed)
            try rig.open()
            try rig.write("kept")
            rig.fileSystem.setFaults { $0.fail = { operation, _ in operation == .sync ? .io : nil } }
            #expect(throws: QueueError.self) { try rig.write("lost", "lost too") }
            #expect(rig.log.nextOffset == 2)
            rig.fileSystem.setFaults { $0.fail = nil }
            try rig.write("again")
            #expect(try rig.read() == ["1=kept", "2=again"])
            rig.crash(keepingCache: seed % 2 == 0)
            try rig.open()
            #expect(try rig.read() == ["1=kept", "2=again"])
        }
    }

    @Test func aFullDiskRefusesAndRecovers() throws {
        let rig = LogRig()
        try rig.open()
        try rig.write("kept")
        rig.fileSystem.setCapacity(rig.fileSystem.usedBytes + 10)
        #expect { try rig.write("no room for this") } throws: { error in
            if case .full? = error as? QueueError { true } else { false }
        }
        #expect(throws: QueueError.self) { try rig.write("nor for this") }
        rig.fileSystem.setCapacity(1 << 20)
        try rig.write("room")
        rig.crash()
        try rig.open()
        #expect(try rig.read() == ["1=kept", "2=room"])
    }

    @Test func aSyncIntervalKeepsRecordsThroughTheDeathOfTheProcess() throws {
        let rig = LogRig()
        rig.options.durability = .interval(nanoseconds: 1_000_000_000)
        try rig.open()
        try rig.write("a")
        let before = rig.fileSystem.changeCount
        try rig.write("b")
        #expect(rig.fileSystem.changeCount == before + 1 && rig.log.hasUnsynced)
        rig.clock.advance(milliseconds: 1500)
        try rig.write()
        #expect(!rig.log.hasUnsynced)
        try rig.write("c")
        // Its sync fails later: it is written again elsewhere.
        rig.clock.advance(milliseconds: 1500)
        rig.fileSystem.setFaults { $0.fail = { operation, _ in operation == .sync ? .io : nil } }
        #expect(throws: QueueError.self) { try rig.write("d") }
        rig.fileSystem.setFaults { $0.fail = nil }
        try rig.write("e")
        #expect(try rig.read() == ["1=a", "2=b", "3=c", "4=e"])
        rig.crash(keepingCache: true)
        try rig.open()
        #expect(try rig.read() == ["1=a", "2=b", "3=c", "4=e"])
        rig.crash()
        try rig.open()
        #expect(try rig.read() == ["1=a", "2=b", "3=c", "4=e"])
    }

    @Test func aNewerVersionIsRefused() throws {
        let rig = LogRig()
        try rig.open()
        try rig.write("a")
        let path = "/log/" + rig.files[0]
        var content = try rig.fileSystem.readAll(path)
        content[6] = 9
        let checksum = content[..<24].withUnsafeBytes { CRC32C.of($0) }
        withUnsafeBytes(of: checksum.littleEndian) { content.replaceSubrange(24..<28, with: $0) }
        try rig.fileSystem.replace(path, with: content)
        #expect { try rig.open() } throws: { "\($0)".contains("format version 9") }
    }

    @Test func payloadsThatLookLikeFramesDoNotFoolRecovery() throws {
        let rig = LogRig()
        try rig.open()
        var fake = ByteBuffer()
        LogFrame.append(UnsafeRawBufferPointer(start: nil, count: 0), offset: 3, syncedThrough: 2, to: &fake)
        _ = try rig.log.append(fake.bytes)
        try rig.log.sync()
        try rig.write("b")
        #expect(try rig.read().count == 2)
        rig.crash()
        try rig.open()
        #expect(try rig.read().count == 2 && rig.log.nextOffset == 3)
    }
}
