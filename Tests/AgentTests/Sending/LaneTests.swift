import Bedrock
import Model
import Testing
import Transport

@testable import Agent

@Suite struct LaneTests {
    let clock = SimulatedClock()
    let files = SimulatedFileSystem(seed: 1)
    let losses = MemoryLosses()
    let sink = MemoryMetricSink()
    let log = MemorySink()

    private func lane(_ destination: (any Destination)? = nil, _ change: (inout LaneOptions) -> Void = { _ in }) throws
        -> LaneWorker
    {
        var options = LaneOptions()
        change(&options)
        var random = SeededGenerator(seed: 1)
        let queue = try DiskQueue("/data/lane-0", files: files, options: options.queue, random: &random)
        return LaneWorker(
            lane: 0, producer: "here", queue: queue, destination: destination ?? SinkDestination(sink),
            options: options,
            clock: clock, random: SeededGenerator(seed: 2), log: Logger("agent", sink: log, clock: clock),
            losses: losses)
    }

    /// Steps until nothing is to be done, or `milliseconds` of simulated time have passed.
    private func run(_ worker: LaneWorker, milliseconds: Int64) {
        let end = clock.now() + milliseconds
        while clock.now() < end {
            switch worker.step() {
            case .progressed: clock.advance(nanoseconds: 1_000)
            case .idle(let nanoseconds): clock.advance(nanoseconds: min(nanoseconds, 1_000_000_000))
            case .finished: return
            }
        }
    }

    @Test func batchesArriveJoinedAndInOrder() throws {
        let worker = try lane()
        for i in 1...5 { worker.push(batch("m\(i)")) }
        run(worker, milliseconds: 100)
        #expect(sink.lines == (1...5).map { "m\($0) 1" })
        #expect(sink.sequences == [1])
        worker.push(batch("m6"))
        run(worker, milliseconds: 100)
        #expect(sink.sequences == [1, 2])
        #expect(losses.all.isEmpty && worker.statistics.samplesSent == 6 && worker.statistics.backlogRecords == 0)
    }

    @Test func anOutageIsSatOutOnDisk() throws {
        sink.fail(Array(repeating: .overloaded("busy", retryAfterSeconds: 2), count: 3))
        let worker = try lane()
        worker.push(batch("a"))
        run(worker, milliseconds: 1_500)
        #expect(sink.lines.isEmpty)
        #expect(worker.statistics.backlogSamples == 1 && worker.statistics.lastError == "busy")
        run(worker, milliseconds: 10_000)
        #expect(sink.lines == ["a 1"] && sink.sequences == [1])
        // Said once, and once that it is over.
        #expect(log.lines.filter { $0.contains("cannot send") }.count == 1)
        #expect(log.lines.filter { $0.contains("works again") }.count == 1)
        #expect(losses.all.isEmpty)
    }

    @Test func backoffGrowsAndEnds() throws {
        let caller = StubServer()
        caller.answer("http://r/write") { _ in .success(HTTPResponse(status: 500)) }
        let worker = try lane(RemoteWriteDestination(.init(url: "http://r/write"), caller: caller, clock: clock))
        worker.push(batch("a"))
        run(worker, milliseconds: 60_000)
        // 30 ms doubling up to 5 s: 8 tries in the first 8 s, then one in each 2.5 to 5 s.
        #expect((18...32).contains(caller.calls.count), "\(caller.calls.count)")
    }

    @Test func refusalsAreFinalAndCounted() throws {
        sink.fail([.invalid("bad labels")])
        let worker = try lane()
        worker.push(batch("a"))
        run(worker, milliseconds: 100)
        worker.push(batch("b"))
        run(worker, milliseconds: 100)
        #expect(sink.lines == ["b 1"])
        #expect(losses.all == ["agent_send/invalid": 1])
    }

    @Test func everySampleIsDeliveredOrCounted() throws {
        sink.fail(Array(repeating: .unavailable("down"), count: 200))
        let worker = try lane {
            $0.queue.bytesMax = 3_000
            $0.queue.segmentBytes = 500
            $0.recordBytes = 1
        }
        for i in 0..<60 {
            worker.push(batch("m\(i)"))
            run(worker, milliseconds: 50)
        }
        run(worker, milliseconds: 1_000_000)
        #expect(losses.total > 0)
        #expect(losses.total + sink.lines.count == 60)
        #expect(sink.lines.last == "m59 1")
    }

    @Test func fullMemoryIsCounted() throws {
        let worker = try lane { $0.memoryBytesMax = 1 }
        worker.push(batch("a"))
        worker.push(batch("b"))
        #expect(losses.all == ["agent_memory/full": 1])
        worker.stop()
        worker.push(batch("c"))
        #expect(losses.all["agent_memory/stopped"] == 1)
    }

    @Test func drainingKeepsItsPace() throws {
        let worker = try lane {
            $0.recordBytes = 1
            $0.samplesPerSecondMax = 10
        }
        for i in 0..<20 { worker.push(batch("m\(i)")) }
        run(worker, milliseconds: 1_000)
        #expect((8...12).contains(sink.lines.count), "\(sink.lines.count)")
        run(worker, milliseconds: 2_000)
        #expect(sink.lines.count == 20)
    }

    @Test func stoppingDeliversWhatCanBe() throws {
        let worker = try lane()
        worker.push(batch("a"))
        worker.stop()
        run(worker, milliseconds: 10_000)
        #expect(sink.lines == ["a 1"])
        #expect(worker.step() == .finished)
        // With the receiver away it doesn't wait, and the next process goes on.
        let other = MemoryMetricSink()
        other.fail(Array(repeating: .unavailable("down"), count: 1))
        let path = "/data/lane-1"
        var random = SeededGenerator(seed: 9)
        do {
            let queue = try DiskQueue(path, files: files, options: QueueOptions(), random: &random)
            let worker = LaneWorker(
                lane: 1, producer: "here", queue: queue, destination: SinkDestination(other), options: LaneOptions(),
                clock: clock, random: SeededGenerator(seed: 2), log: Logger("agent", sink: log, clock: clock),
                losses: losses)
            worker.push(batch("b"))
            worker.stop()
            let began = clock.now()
            run(worker, milliseconds: 10_000)
            #expect(clock.now() - began < 1_000)
        }
        let queue = try DiskQueue(path, files: files, options: QueueOptions(), random: &random)
        let next = LaneWorker(
            lane: 1, producer: "here", queue: queue, destination: SinkDestination(other), options: LaneOptions(),
            clock: clock, random: SeededGenerator(seed: 2), log: Logger("agent", sink: log, clock: clock),
            losses: losses)
        run(next, milliseconds: 100)
        #expect(other.lines == ["b 1"])
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func powerCutsLoseNothingThatWasOnDiskAndDoubleNothing(seed: UInt64) throws {
        let files = SimulatedFileSystem(seed: seed)
        var random = SeededGenerator(seed: seed)
        let sink = MemoryMetricSink()
        var pushed = 0
        var mustArrive: Set<String> = []
        for _ in 0..<5 {
            let crash = files.changeCount + Int.random(in: 5...80, using: &random)
            files.setFaults { $0.crashAt = crash }
            if let queue = try? DiskQueue("/d/lane", files: files, options: QueueOptions(), random: &random) {
                sink.fail(Bool.random(using: &random) ? [.unavailable("x"), .unavailable("y")] : [])
                let worker = LaneWorker(
                    lane: 0, producer: "p", queue: queue, destination: SinkDestination(sink), options: LaneOptions(),
                    clock: clock, random: SeededGenerator(seed: seed), log: Logger("a", sink: log, clock: clock),
                    losses: losses)
                while !files.isDown && pushed < 100 * Int(seed + 1) {
                    let stored = worker.statistics.backlogSamples + worker.statistics.samplesSent
                    worker.push(batch("m\(pushed)"))
                    pushed += 1
                    run(worker, milliseconds: 30)
                    if !files.isDown, worker.statistics.backlogSamples + worker.statistics.samplesSent > stored {
                        mustArrive.insert("m\(pushed - 1) 1")
                    }
                }
            }
            files.crash()
            files.setFaults { $0 = SimulatedFaults() }
            files.restart()
        }
        let queue = try DiskQueue("/d/lane", files: files, options: QueueOptions(), random: &random)
        let worker = LaneWorker(
            lane: 0, producer: "p", queue: queue, destination: SinkDestination(sink), options: LaneOptions(),
            clock: clock, random: SeededGenerator(seed: seed), log: Logger("a", sink: log, clock: clock), losses: losses
        )
        run(worker, milliseconds: 60_000)
        let arrived = sink.lines
        #expect(Set(arrived).count == arrived.count, "something arrived twice")
        #expect(mustArrive.subtracting(arrived).isEmpty, "lost: \(mustArrive.subtracting(arrived))")
    }
}
