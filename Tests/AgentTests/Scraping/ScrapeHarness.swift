import Bedrock
import Model
import Synchronization

@testable import Agent

/// Discovery and one scrape worker on a simulated clock, stepped by a seeded scheduler.
final class ScrapeHarness {
    let clock = SimulatedClock()
    let server = StubServer()
    let log = MemorySink()
    let worker: ScrapeWorker
    let discovery: DiscoveryWorker
    private let collected = Collected()
    private let scheduler: SeededScheduler

    private final class Collected: Sendable {
        let batches = Mutex<[[String]]>([])
        let times = Mutex<[Int64]>([])
        let exemplars = Mutex<[[Exemplar]]>([])
    }

    init(seed: UInt64 = 1, builtIns: [DiscoveryWorker.BuiltIn] = []) {
        let collected = collected
        let worker = ScrapeWorker(name: "scrape", clock: clock, hostName: "here") { batch in
            collected.batches.withLock { $0.append(lines(batch)) }
            collected.times.withLock { $0.append(contentsOf: Set(batch.timestamps)) }
            let exemplars = batch.exemplars.map { row in
                Exemplar(
                    labels: batch.withLabels(row) { Labels(canonical: $0) }, value: row.value,
                    timestamp: row.timestamp)
            }
            collected.exemplars.withLock { $0.append(exemplars) }
        }
        self.worker = worker
        discovery = DiscoveryWorker(
            clock: clock, files: PosixFileSystem(), log: Logger("agent", sink: log, clock: clock), builtIns: builtIns,
            network: HTTPScrapeSource(caller: server, files: PosixFileSystem()),
            providers: TargetProviders(caller: server, files: PosixFileSystem())
        ) { worker.assign($0) }
        scheduler = SeededScheduler(seed: seed, clock: clock)
        scheduler.add([discovery, worker])
        for builtIn in builtIns { if let source = builtIn.source as? LocalScrapeSource { scheduler.add(source) } }
    }

    /// The samples of each scrape, as sorted lines.
    var scrapes: [[String]] { collected.batches.withLock { $0 } }
    /// The exemplars of each scrape.
    var exemplars: [[Exemplar]] { collected.exemplars.withLock { $0 } }
    /// Timestamps seen, in order.
    var timestamps: [Int64] { collected.times.withLock { $0 } }

    /// The last scrape's samples without the series about scraping, but `up`.
    var last: [String] { (scrapes.last ?? []).filter { !$0.hasPrefix("scrape_") } }

    func configure(_ text: String) throws {
        discovery.configure(try ScrapeConfiguration.read(text, file: "test").jobs)
    }

    /// Lets simulated time pass.
    func run(milliseconds: Int64) {
        let end = clock.now() + milliseconds
        _ = scheduler.run(steps: 1_000_000) { clock.now() >= end }
    }

    /// Runs until the next scrape has come in.
    func runOneScrape() {
        let before = scrapes.count
        _ = scheduler.run(steps: 1_000_000) { scrapes.count > before }
    }
}
