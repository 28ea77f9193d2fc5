import Bedrock
import LSM
import LSMKit
import Model

/// One seed's life of an engine: clients write and delete, the disk fails, fills and forgets, the clock jumps, the machine dies and comes back.
final class EngineSimulation<Signal: SimulatedSignal> {
    private let signal: Signal
    private let seed: UInt64
    private var generator: SeededGenerator
    private let clock: SimulatedClock
    private let fileSystem: SimulatedFileSystem
    private let catalog: MemoryCatalog
    private let oracle = Oracle()
    private let scheduler: SeededScheduler
    private let clients: [SimulatedClient]
    private var options = EngineOptions()
    private var engine: SignalEngine<Signal.Format>?
    private var directory: DataDirectory?
    private(set) var problems: [String] = []
    private(set) var events: [String] = []

    private(set) var coverage = Coverage()

    init(_ signal: Signal, seed: UInt64) {
        self.signal = signal
        self.seed = seed
        var generator = SeededGenerator(seed: seed)
        let clock = SimulatedClock()
        let fileSystem = SimulatedFileSystem(seed: generator.next(), clock: clock)
        catalog = MemoryCatalog(transact: { (name, body) throws(FileError) in try fileSystem.external(name, body) })
        scheduler = SeededScheduler(seed: generator.next(), clock: clock)
        let deletes = Int.random(in: 0..<3, using: &generator) == 0
        let clientSeed = generator.next()
        let oracle = oracle
        clients = (0..<3).map {
            SimulatedClient(
                number: $0, seed: clientSeed, oracle: oracle, clock: clock, deletes: deletes,
                repeats: signal.keepsRepeats)
        }
        options.shardCount = Int.random(in: 1...2, using: &generator)
        options.logBytesMax = Int.random(in: 2...16, using: &generator) * 512
        options.memtableBytesMax = Int.random(in: 1...8, using: &generator) * 512
        options.memtablesBytesMax = 64 << 10
        options.runsPerMerge = Int.random(in: 2...4, using: &generator)
        options.graceMilliseconds = 60_000
        // The simulated machine dies in recoveries for no fault of the records.
        options.recoveryDeathsMax = 0
        options.recoveryThreads = 1
        // Retention by size would drop acknowledged rows, as it should, when the disk shrinks.
        options.diskFractionMax = 1
        if Int.random(in: 0..<4, using: &generator) == 0 { options.groupBytesMax = 64 }
        self.generator = generator
        self.clock = clock
        self.fileSystem = fileSystem
    }

    func run() {
        for _ in 0..<Int.random(in: 2...4, using: &generator) {
            guard problems.isEmpty else { return }
            live()
            crash()
        }
        finish()
    }

    /// One life of the process, until it or the machine dies.
    private func live() {
        let before = fileSystem.changeCount
        let crashAt = before + Int.random(in: 1...120, using: &generator)
        arm(crashAt: crashAt)
        guard open() else { return }
        check(settle: true)
        for _ in 0..<8 {
            if fileSystem.isDown || !problems.isEmpty { return }
            upset()
            _ = scheduler.run(steps: 40) { fileSystem.isDown }
            if !fileSystem.isDown { check(settle: false) }
        }
    }

    private func arm(crashAt: Int) {
        var failAt: Set<Int> = []
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            failAt.insert(crashAt - 120 + Int.random(in: 1...120, using: &generator))
        }
        fileSystem.setFaults { faults in
            faults.crashAt = crashAt
            faults.failAt = failAt
        }
    }

    /// Something of the outside world.
    private func upset() {
        switch Int.random(in: 0..<10, using: &generator) {
        case 0:
            fileSystem.setCapacity(fileSystem.usedBytes + UInt64.random(in: 0..<3000, using: &generator))
            events.append("disk fills")
        case 1, 2:
            fileSystem.setCapacity(1 << 30)
        case 3:
            clock.jump(milliseconds: Int64.random(in: -3_600_000...3_600_000, using: &generator))
            events.append("clock jumps")
        case 4:
            clock.advance(milliseconds: Int64.random(in: 1...4 * 3_600_000, using: &generator))
            events.append("hours pass")
        case 5:
            fileSystem.setFaults { $0.fail = { _, path in path.contains("/objects/") ? .io : nil } }
            events.append("object store fails")
        case 6:
            fileSystem.setFaults { $0.fail = nil }
        case 7:
            engine?.flush { _ in }
        default: break
        }
    }

    /// The process starts. Under faults it may take several attempts, or the machine may die in it.
    private func open() -> Bool {
        for attempt in 0..<20 {
            if fileSystem.isDown { return false }
            // A directory on a full disk must open, too; for the first time it needs room.
            if attempt > 2 { fileSystem.setCapacity(1 << 30) }
            do {
                let directory = try DataDirectory(
                    "/data", fileSystem: fileSystem, clock: clock, ballastBytes: 2048, catalog: catalog)
                let environment = directory.environment(options: options, budget: MemoryBudget(byteCountMax: 1 << 30))
                let engine = try SignalEngine(format: signal.format, options: options, environment: environment)
                self.directory = directory
                self.engine = engine
                scheduler.add(engine.workers)
                let target = EngineTarget(engine, signal)
                for client in clients {
                    client.target = target
                    scheduler.add(client)
                }
                return true
            } catch {
                events.append("opening failed: \(error)")
            }
        }
        if !fileSystem.isDown { problems.append("can't be opened: \(events.last ?? "")") }
        return false
    }

    private func crash() {
        if let engine { coverage.note(engine.statistics) }
        fileSystem.crash()
        scheduler.removeAll()
        engine = nil
        directory = nil
        for client in clients { client.crash() }
        oracle.crash()
        let keepingCache = Int.random(in: 0..<3, using: &generator) == 0
        fileSystem.setFaults { $0 = SimulatedFaults() }
        fileSystem.restart(keepingCache: keepingCache)
        fileSystem.setCapacity(1 << 30)
        events.append(keepingCache ? "process killed" : "power cut")
    }

    private func check(settle: Bool) {
        guard let engine else { return }
        do {
            problems += oracle.check(try signal.served(engine), settle: settle)
            if let damage = engine.damage.reports.first { problems.append("damage reported: \(damage)") }
        } catch { problems.append("can't read: \(error)") }
    }

    /// Everything works again: the clients come to an end, the engine closes in good order, and a new one has it all.
    private func finish() {
        guard problems.isEmpty, open() else { return }
        check(settle: true)
        for client in clients { client.isStopped = true }
        if !scheduler.run(steps: 5000, until: { clients.allSatisfy(\.isIdle) }) {
            problems.append("a write is never answered")
        }
        check(settle: false)
        engine?.close()
        if !scheduler.run(steps: 5000, until: { scheduler.count == clients.count }) {
            problems.append("close doesn't end")
        }
        if engine?.statistics.shards.contains(where: { $0.memtableRows > 0 }) ?? true {
            problems.append("close leaves rows in memory")
        }
        check(settle: false)
        crash()
        guard open() else { return }
        check(settle: true)
        if engine?.statistics.recordsReplayed != 0 { problems.append("records are replayed after a clean end") }
        clock.advance(milliseconds: 3_600_000)
        _ = scheduler.run(steps: 300) { false }
        checkObjects()
        coverage.acknowledged = oracle.acknowledgedCount
    }

    /// Every object is live, removed and waiting, or reserved; and every live one is there.
    private func checkObjects() {
        guard let objects = directory?.objects else { return }
        do {
            var known: Set<String> = []
            let stored = Set(try objects.list(signal.format.signal + "/"))
            for key in try catalog.shards() {
                guard let state = try catalog.state(key) else { continue }
                let live = state.segments.map(\.name)
                if let missing = live.first(where: { !stored.contains($0) }) {
                    problems.append("\(missing) is live and missing")
                }
                known.formUnion(live + state.removed.map(\.name) + state.reservations.keys)
            }
            if let orphan = stored.subtracting(known).first { problems.append("\(orphan) is stored and unknown") }
        } catch { problems.append("can't list objects: \(error)") }
    }

    /// What to print with a failure.
    var story: String {
        """
        seed \(seed) (replay: OBS_SEED=\(seed)): \(problems.prefix(3).joined(separator: "; "))
        options: \(options.shardCount) shards, log \(options.logBytesMax), memtable \(options.memtableBytesMax)
        events: \(events.suffix(12).joined(separator: ", "))
        expired: \(engine?.statistics.segmentsExpired ?? 0), compactions: \(engine?.statistics.compactions ?? 0), disk full: \(engine?.statistics.diskFullEvents ?? 0)
        last steps: \(scheduler.trace.suffix(12).joined(separator: " "))
        """
    }
}
