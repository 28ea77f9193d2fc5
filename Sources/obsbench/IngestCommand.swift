import Bedrock
import Collector
import Formats
import Instruments
import LSM
import Receivers
import Synchronization
import Transport

/// `obsbench ingest`: the receiver, the collector and the engine with synced writes, without sockets.
struct IngestCommand {
    let corpus: String
    let folder: String?
    let limit: Int

    /// Batches that wait for their acknowledgement at once, as if so many clients sent.
    private static let inFlightMax = 16

    func run() throws {
        let files = PosixFileSystem()
        let path = folder ?? "obsbench-\(SystemClock().now())"
        guard try files.status(path) == nil else {
            throw SettingProblem("\(path) exists already: choose a fresh folder")
        }
        defer { if folder == nil { removeFolder(path, files) } }
        let registry = InstrumentRegistry()
        let ledger = LossLedger(registry: registry)
        var options = MetricStorage.Options()
        options.engine.retentionMilliseconds = 100 * 365 * 86_400_000
        options.limits.retentionMilliseconds = options.engine.retentionMilliseconds
        options.ballastBytes = 0
        let storage = try MetricStorage(path, options: options, ledger: ledger)
        let receiver = RemoteWriteReceiver(ReceiverContext(sink: storage.collector, registry: registry, ledger: ledger))
        let caller = LocalCaller(routes: receiver.routes)
        let flights = Flights(limit: Self.inFlightMax)
        let corpus = try Corpus(corpus)
        var items = 0
        var wireBytes = 0
        let before = ProcessUsage.now()
        try corpus.forEach(limit: limit) { record in
            items += record.items
            wireBytes += record.body.count
            flights.takeOff()
            let call = HTTPCall(.post, "http://local/api/v1/write", body: Array(record.body))
            caller.send(call) { flights.land($0) }
        }
        flights.waitForAll()
        let written = ProcessUsage.now()
        if let failure = flights.firstFailure { throw SettingProblem("a batch was refused: \(failure)") }
        let flushed = Mutex(false)
        let waker = Waker()
        storage.engine.flush { _ in
            flushed.withLock { $0 = true }
            waker.wake()
        }
        while !flushed.withLock({ $0 }) { waker.wait(nanoseconds: 50_000_000) }
        let after = ProcessUsage.now()
        let segments = storage.engine.statistics.shards.flatMap(\.tiers.values).reduce(0) { $0 + $1.bytes }
        let rows = storage.engine.statistics.shards.flatMap(\.tiers.values).reduce(0) { $0 + $1.rows }
        let cost = written - before
        let total = after - before
        Report.print([
            ("samples", "\(items)"), ("samples in segments", "\(rows)"),
            ("wire bytes per sample", Report.number(Double(wireBytes) / Double(max(items, 1)))),
            ("samples per second", Report.number(Double(items) / cost.wall)),
            ("samples per CPU second", Report.number(Double(items) / cost.cpu)),
            ("CPU seconds per million", Report.number(cost.cpu / Double(max(items, 1)) * 1e6)),
            ("same, with flush", Report.number(total.cpu / Double(max(items, 1)) * 1e6)),
            ("peak memory MiB", Report.number(Double(after.peakBytes) / 1_048_576)),
            ("segment bytes per sample", Report.number(Double(segments) / Double(max(rows, 1)))),
            ("samples refused", "\(ledger.total())"),
        ])
        _ = storage.close(deadlineNanoseconds: 30_000_000_000)
    }

    private func removeFolder(_ path: String, _ files: PosixFileSystem) {
        for name in (try? files.list(path)) ?? [] {
            let child = Path.join(path, name)
            if (try? files.status(child))??.isDirectory == true { removeFolder(child, files) }
            try? files.remove(child)
        }
        try? files.remove(path)
    }
}

/// Bounds what is under way, and waits for it.
private final class Flights: Sendable {
    private struct State {
        var airborne = 0
        var failure: String?
    }

    private let state = Mutex(State())
    private let landed = Waker()
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    var firstFailure: String? { state.withLock { $0.failure } }

    func takeOff() {
        while true {
            let isFree = state.withLock { state -> Bool in
                guard state.airborne < limit else { return false }
                state.airborne += 1
                return true
            }
            if isFree { return }
            landed.wait(nanoseconds: 10_000_000)
        }
    }

    func land(_ result: Result<HTTPResponse, HTTPCallError>) {
        var failure: String?
        switch result {
        case .success(let response) where response.status / 100 == 2: break
        case .success(let response):
            failure = "\(response.status) \(String(decoding: response.body.prefix(300), as: UTF8.self))"
        case .failure(let error): failure = "\(error)"
        }
        state.withLock { state in
            state.airborne -= 1
            if state.failure == nil { state.failure = failure }
        }
        landed.wake()
    }

    func waitForAll() { while state.withLock({ $0.airborne }) > 0 { landed.wait(nanoseconds: 10_000_000) } }
}

/// What a person has to put right before measuring.
struct SettingProblem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
