import Bedrock
import Testing

@testable import Agent

/// Power cuts at every change of the disk: nothing that was synced is lost, nothing gets a second sequence, order stays.
@Suite struct QueueCrashTests {
    /// What somebody outside knows.
    private struct Oracle {
        /// Content by sequence, of records whose sync returned.
        var durable: [UInt64: String] = [:]
        /// Content by sequence, of records that were handed out for sending.
        var sent: [UInt64: String] = [:]
        var acknowledged: UInt64 = 0
        var identity: UInt64?
    }

    private func runUntilCrash(_ files: SimulatedFileSystem, _ oracle: inout Oracle, _ random: inout SeededGenerator) {
        var options = QueueOptions()
        options.segmentBytes = 300
        options.acknowledgementsPerPosition = 3
        guard let queue = try? DiskQueue("/q/lane", files: files, options: options, random: &random) else { return }
        if let identity = oracle.identity, !oracle.sent.isEmpty { #expect(queue.identity == identity) }
        oracle.identity = queue.identity
        for _ in 0..<30 {
            if files.isDown { return }
            var gathered: [UInt64: String] = [:]
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let content = "content \(UInt64.random(in: 0 ... .max, using: &random))"
                guard let sequence = try? Array(content.utf8).withUnsafeBytes({ try queue.append($0, samples: 1) })
                else { return }
                gathered[sequence] = content
            }
            guard (try? queue.sync()) != nil else { continue }
            oracle.durable.merge(gathered) { old, new in
                Issue.record("sequence used twice: \(old) and \(new)")
                return new
            }
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                guard let record = try? queue.oldest() else { break }
                let content = String(decoding: record.payload, as: UTF8.self)
                if let before = oracle.sent[record.sequence] {
                    #expect(before == content, "sequence \(record.sequence) was sent with other content")
                }
                oracle.sent[record.sequence] = content
                // The receiver answers, and the queue may or may not get to know.
                if Bool.random(using: &random) {
                    oracle.acknowledged = max(oracle.acknowledged, record.sequence)
                    try? queue.acknowledge(record.sequence)
                } else {
                    break
                }
            }
        }
    }

    private func checkRest(_ files: SimulatedFileSystem, _ oracle: Oracle, _ random: inout SeededGenerator) throws {
        let queue = try DiskQueue("/q/lane", files: files, options: QueueOptions(), random: &random)
        var last: UInt64 = 0
        var seen: Set<UInt64> = []
        while let record = try queue.oldest() {
            #expect(record.sequence > last)
            last = record.sequence
            seen.insert(record.sequence)
            let content = String(decoding: record.payload, as: UTF8.self)
            if let known = oracle.durable[record.sequence] ?? oracle.sent[record.sequence] { #expect(known == content) }
            try queue.acknowledge(record.sequence)
        }
        for sequence in oracle.durable.keys where sequence > oracle.acknowledged {
            #expect(seen.contains(sequence), "record \(sequence) was durable and is gone")
        }
        let next = try [UInt8]([1]).withUnsafeBytes { try queue.append($0, samples: 1) }
        let highest = max(oracle.durable.keys.max() ?? 0, oracle.sent.keys.max() ?? 0)
        #expect(next > highest, "sequence \(next) was in use up to \(highest)")
    }

    @Test(arguments: 0..<400 as Range<UInt64>)
    func nothingDurableIsLostAndNoSequenceReused(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let files = SimulatedFileSystem(seed: seed)
        var oracle = Oracle()
        for _ in 0..<4 {
            let crash = files.changeCount + Int.random(in: 1...60, using: &random)
            files.setFaults { $0.crashAt = crash }
            runUntilCrash(files, &oracle, &random)
            files.crash()
            files.setFaults { $0 = SimulatedFaults() }
            files.restart(keepingCache: Bool.random(using: &random))
        }
        try checkRest(files, oracle, &random)
    }
}
