import Bedrock
import Synchronization
import Testing

private final class CountingWorker: Worker {
    let name: String
    let waker: Waker? = Waker()
    let steps = Atomic<Int>(0)
    let stepCountMax: Int

    init(_ name: String, steps stepCountMax: Int) {
        self.name = name
        self.stepCountMax = stepCountMax
    }

    func step() -> StepOutcome {
        let now = steps.wrappingAdd(1, ordering: .relaxed).newValue
        if now == stepCountMax { return .finished }
        return now % 2 == 0 ? .idle(nanoseconds: 1_000_000) : .progressed
    }
}

private final class Box: Sendable {
    let value: Int
    let check: Int
    init(_ value: Int) {
        self.value = value
        check = ~value
    }
}

@Suite struct SchedulingTests {
    @Test func schedulerIsDeterministicAndMovesTheClock() {
        func run(_ seed: UInt64) -> ([String], UInt64) {
            let clock = SimulatedClock()
            let scheduler = SeededScheduler(seed: seed, clock: clock)
            scheduler.add([CountingWorker("a", steps: 9), CountingWorker("b", steps: 9), CountingWorker("c", steps: 9)])
            #expect(scheduler.run(steps: 1000) { scheduler.count == 0 })
            return (scheduler.trace, clock.monotonicNanoseconds())
        }
        let (first, time) = run(3)
        #expect(first == run(3).0)
        #expect(first != run(4).0)
        #expect(first.count == 27)
        #expect(time > 3_000_000)
    }

    @Test func clockAdvancesBothAndJumpsOne() {
        let clock = SimulatedClock(now: 100)
        clock.advance(milliseconds: 5)
        clock.jump(milliseconds: -50)
        #expect(clock.now() == 55)
        #expect(clock.monotonicNanoseconds() == 5_000_001)
    }

    @Test func threadsStepUntilFinished() {
        let runner = ThreadRunner()
        let workers = (0..<3).map { CountingWorker("worker-with-a-long-name-\($0)", steps: 20) }
        for worker in workers { runner.start(worker, niceness: 5) }
        #expect(runner.waitUntilFinished(nanoseconds: 5_000_000_000))
        runner.stop()
        #expect(workers.allSatisfy { $0.steps.load(ordering: .relaxed) == 20 })
    }

    @Test func stopEndsWorkersThatNeverFinish() {
        let runner = ThreadRunner()
        let worker = CountingWorker("endless", steps: .max)
        runner.start(worker)
        #expect(!runner.waitUntilFinished(nanoseconds: 3_000_000))
        runner.stop()
    }

    @Test func aWakeBeforeTheWaitIsNotLost() {
        let waker = Waker()
        waker.wake()
        let clock = SystemClock()
        let start = clock.monotonicNanoseconds()
        waker.wait(nanoseconds: 5_000_000_000)
        #expect(clock.monotonicNanoseconds() - start < 2_000_000_000)
        waker.wait(nanoseconds: 1_000_000)
        #expect(!waker.takePending())
    }

    @Test func queueKeepsItsBudgetAndOrder() {
        let queue = BoundedQueue<Int>(byteCountMax: 10)
        #expect(queue.tryPush(1, bytes: 20) == .pushed, "a single heavy one may pass")
        #expect(queue.tryPush(2, bytes: 1) == .full)
        var taken: [Int] = []
        queue.drain(into: &taken, bytes: 5)
        #expect(taken == [1] && queue.byteCount == 0)
        for i in 2...6 { #expect(queue.tryPush(i, bytes: 2) == .pushed) }
        #expect(queue.tryPush(7, bytes: 1) == .full)
        queue.drain(into: &taken, bytes: 5)
        #expect(taken == [1, 2, 3] && queue.count == 3)
        queue.close()
        #expect(queue.tryPush(8, bytes: 1) == .closed)
        queue.drain(into: &taken, bytes: 100)
        #expect(taken == [1, 2, 3, 4, 5, 6])
    }

    @Test func manyProducersOneConsumer() async {
        let queue = BoundedQueue<Int>(byteCountMax: 64)
        let total = 4 * 500
        await withTaskGroup(of: Void.self) { group in
            for producer in 0..<4 {
                group.addTask {
                    for i in 0..<500 {
                        while queue.tryPush(producer * 1000 + i, bytes: 1) == .full { await Task.yield() }
                    }
                }
            }
            var seen: [Int] = []
            while seen.count < total {
                queue.drain(into: &seen, bytes: 16)
                await Task.yield()
            }
            for producer in 0..<4 {
                #expect(seen.filter { $0 / 1000 == producer } == (0..<500).map { producer * 1000 + $0 })
            }
        }
    }

    @Test func publishedIsWholeUnderRaces() async {
        let published = Published(Box(0))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    var last = 0
                    for _ in 0..<20_000 {
                        let box = published.load()
                        if box.check != ~box.value || box.value < last {
                            Issue.record("saw \(box.value) \(box.check) after \(last)")
                            return
                        }
                        last = box.value
                    }
                }
            }
            group.addTask { for _ in 0..<5_000 { published.update { Box($0.value + 1) } } }
            group.addTask { for _ in 0..<5_000 { published.update { Box($0.value + 1) } } }
        }
        #expect(published.load().value == 10_000)
    }

    @Test func replacedObjectsAreFreed() {
        let published = Published(Box(1))
        weak let old = published.load()
        published.update { _ in Box(2) }
        published.reclaim()
        #expect(old == nil)
    }

    @Test func budgetCountsByName() {
        let budget = MemoryBudget(byteCountMax: 100)
        let a = budget.account("a")
        do {
            let b = budget.account("b")
            #expect(a.tryGrow(by: 60))
            #expect(!b.tryGrow(by: 50))
            #expect(b.tryGrow(by: 40))
            #expect(budget.accounts.map(\.name) == ["a", "b"] && budget.byteCount == 100)
        }
        #expect(budget.byteCount == 60)
        a.set(150)
        #expect(budget.byteCount == 150 && !budget.account("c").tryGrow(by: 1))
        a.shrink(by: 150)
        #expect(budget.accounts.isEmpty)
    }
}
