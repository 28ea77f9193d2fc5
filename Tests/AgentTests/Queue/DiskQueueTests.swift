import Bedrock
import Testing

@testable import Agent

@Suite struct DiskQueueTests {
    let files = SimulatedFileSystem(seed: 1)

    private func open(_ options: QueueOptions = QueueOptions(), seed: UInt64 = 1) throws -> DiskQueue {
        var random = SeededGenerator(seed: seed)
        return try DiskQueue("/data/lane", files: files, options: options, random: &random)
    }

    private func append(_ queue: DiskQueue, _ text: String, samples: Int = 1) throws -> UInt64 {
        try Array(text.utf8).withUnsafeBytes { try queue.append($0, samples: samples) }
    }

    private func text(_ record: DiskQueue.Record?) -> String? {
        record.map { String(decoding: $0.payload, as: UTF8.self) }
    }

    @Test func recordsComeOutInOrderOnceTheyAreDurable() throws {
        let queue = try open()
        #expect(try append(queue, "a") == 1)
        #expect(try append(queue, "b", samples: 5) == 2)
        #expect(try queue.oldest() == nil)
        try queue.sync()
        #expect(text(try queue.oldest()) == "a")
        #expect(queue.backlog.records == 2 && queue.backlog.samples == 6)
        try queue.acknowledge(1)
        #expect(text(try queue.oldest()) == "b")
        try queue.acknowledge(2)
        #expect(try queue.oldest() == nil)
    }

    @Test func sequencesAndIdentitySurviveRestarts() throws {
        var identity: UInt64 = 0
        do {
            let queue = try open()
            identity = queue.identity
            _ = try append(queue, "a")
            _ = try append(queue, "b")
            try queue.sync()
            try queue.acknowledge(1)
            try queue.writePosition()
        }
        do {
            let queue = try open(seed: 2)
            #expect(queue.identity == identity)
            #expect(text(try queue.oldest()) == "b")
            #expect(try append(queue, "c") == 3)
            try queue.sync()
            try queue.acknowledge(3)
            try queue.writePosition()
        }
        // Empty, and still counting on.
        for expected in 4...6 {
            let queue = try open(seed: 3)
            #expect(try queue.oldest() == nil)
            #expect(try append(queue, "d") == UInt64(expected))
            try queue.sync()
            try queue.acknowledge(UInt64(expected))
            try queue.writePosition()
        }
        // A queue that was deleted is another one.
        for name in try files.list("/data/lane") { try files.remove("/data/lane/" + name) }
        #expect(try open(seed: 4).identity != identity)
    }

    @Test func theOldestGoWhenItIsFull() throws {
        var options = QueueOptions()
        options.bytesMax = 4_000
        options.segmentBytes = 1_000
        let queue = try open(options)
        for i in 1...20 {
            _ = try append(queue, String(repeating: "x", count: 400) + " \(i)", samples: 10)
            try queue.sync()
            #expect(queue.byteCount <= 4_000)
        }
        let losses = queue.takeLosses()
        #expect(losses.allSatisfy { $0.reason == .overflow })
        let lost = losses.reduce(0) { $0 + $1.samples }
        #expect(lost + queue.backlog.samples == 200)
        #expect(text(try queue.oldest())?.hasSuffix(" \(lost / 10 + 1)") == true)
    }

    @Test func orNewOnesAreRefused() throws {
        var options = QueueOptions()
        options.bytesMax = 1_000
        options.overflow = .refuse
        let queue = try open(options)
        _ = try append(queue, String(repeating: "x", count: 600))
        #expect(throws: QueueFailure.full(bytesMax: 1_000)) { try append(queue, String(repeating: "y", count: 600)) }
        try queue.sync()
        try queue.acknowledge(1)
        #expect(queue.takeLosses().isEmpty)
    }

    @Test func damagedRecordsArePassedOverAndCounted() throws {
        do {
            let queue = try open()
            for i in 1...3 { _ = try append(queue, "record \(i)", samples: i) }
            try queue.sync()
        }
        // A bit of the second payload: behind the file's header, one record, and a record's header.
        let offset = QueueFormat.segmentHeaderBytes + 2 * QueueFormat.recordHeaderBytes + 8 + 2
        files.flip(bit: offset * 8, of: "/data/lane/" + QueueFormat.segmentName(1))
        let queue = try open()
        #expect(text(try queue.oldest()) == "record 1")
        try queue.acknowledge(1)
        #expect(text(try queue.oldest()) == "record 3")
        #expect(queue.takeLosses() == [DiskQueue.Loss(reason: .damage, sequences: 2...2, samples: 2)])
    }

    @Test func sequencesOfADamagedTailAreNotUsedAgain() throws {
        do {
            let queue = try open()
            for i in 1...3 { _ = try append(queue, "record \(i)") }
            try queue.sync()
        }
        // The header of the second record: what is behind can't be found any more.
        let offset = QueueFormat.segmentHeaderBytes + QueueFormat.recordHeaderBytes + 8
        files.flip(bit: offset * 8, of: "/data/lane/" + QueueFormat.segmentName(1))
        let queue = try open()
        #expect(try append(queue, "new") > 3)
    }

    @Test func aFailedWriteIsTriedAgainElsewhere() throws {
        let queue = try open()
        _ = try append(queue, "a")
        files.setFaults { faults in faults.fail = { operation, _ in operation == .sync ? .io : nil } }
        #expect(throws: QueueFailure.self) { try queue.sync() }
        #expect(queue.hasPending)
        files.setFaults { $0.fail = nil }
        try queue.sync()
        #expect(text(try queue.oldest()) == "a")
        _ = try append(queue, "b")
        try queue.sync()
        try queue.acknowledge(1)
        #expect(text(try queue.oldest()) == "b")
    }

    @Test func aFullDiskCostsTheOldest() throws {
        var options = QueueOptions()
        options.segmentBytes = 500
        let queue = try open(options)
        for i in 1...8 {
            _ = try append(queue, String(repeating: "x", count: 300) + "\(i)")
            try queue.sync()
        }
        files.setCapacity(files.usedBytes)
        _ = try append(queue, String(repeating: "y", count: 300))
        try queue.sync()
        #expect(queue.takeLosses().first?.reason == .overflow)
        #expect(text(try queue.oldest()) != nil)
    }

    @Test func twoProcessesOnOneQueueAreRefused() throws {
        let first = try open()
        #expect { try open() } throws: { "\($0)".contains("another process holds it") }
        withExtendedLifetime(first) {}
    }

    @Test func aNewerFormatIsRefused() throws {
        do { _ = try open() }
        var header = ByteBuffer()
        header.append(littleEndian: QueueFormat.segmentMagic)
        header.append(littleEndian: UInt32(9))
        header.append(littleEndian: UInt64(1))
        header.append(littleEndian: CRC32C.of(header.bytes))
        let path = "/data/lane/" + QueueFormat.segmentName(1)
        try files.open(path, .createNew).write(header.bytes, at: 0)
        #expect(throws: QueueFailure.newerFormat(path: path, version: 9)) { try open() }
    }
}
