import Bedrock
import Glibc
import LSM
import Model
import Synchronization
import Testing

@testable import MetricStore

/// The store in a real engine: written, flushed, merged, restarted, read.
@Suite struct EngineTests {
    private final class Running {
        let engine: SignalEngine<MetricFormat>
        private let directory: DataDirectory
        private let threads = ThreadRunner()

        init(_ path: String) throws {
            directory = try DataDirectory(path, ballastBytes: 4096)
            var options = EngineOptions()
            options.retentionMilliseconds = 100 * 365 * 86_400_000
            engine = try SignalEngine(
                format: MetricFormat(), options: options,
                environment: directory.environment(options: options, budget: MemoryBudget(byteCountMax: 1 << 30)))
            for worker in engine.workers { threads.start(worker) }
        }

        deinit { threads.stop() }

        /// Runs `body` with a callback, and waits until it was called.
        func wait(_ body: (@escaping @Sendable (Result<Void, WriteError>) -> Void) -> Void) throws {
            let answer = Answer()
            body { answer.set($0) }
            try answer.wait().get()
        }

        func write(_ series: Range<Int>, _ ticks: Range<Int>, offset: Double = 0) throws {
            for tick in ticks {
                let batch = MetricBatch()
                for i in series {
                    batch.beginSeries(MemtableTests.labels(i))
                    batch.append(timestamp: Int64(tick) * 15_000, value: Double(tick * i) + offset)
                }
                batch.append(MetricMetadata(family: "m1", kind: .counter))
                for shard in 0..<engine.shardCount {
                    let own = batch.entries.indices.filter {
                        Int(batch.labels($0).hash128.high % UInt64(engine.shardCount)) == shard
                    }
                    let record = WriteRecord()
                    record.withPayload { MetricRecord.encode(batch, entries: own, metadata: shard == 0, into: &$0) }
                    try wait { engine.submit(record, shard: shard, done: $0) }
                }
            }
        }

        func read(_ matchers: [Matcher] = []) throws -> SeriesOracle {
            let selection = try MetricSource(engine).metricSnapshot(tenant: .default)
                .select(SeriesRequest(matchers: matchers, range: .everything))
            var oracle = SeriesOracle()
            let batch = SeriesBatch()
            try selection.read(0..<selection.count, into: batch)
            for i in 0..<selection.count {
                for (time, value) in zip(batch.times(i), batch.floats(i)) {
                    oracle.add(selection.labels(i), time, value)
                }
            }
            return oracle
        }
    }

    private final class Answer: Sendable {
        private let state = Mutex<Result<Void, WriteError>?>(nil)
        func set(_ result: Result<Void, WriteError>) { state.withLock { $0 = result } }

        func wait() -> Result<Void, WriteError> {
            for _ in 0..<20_000 {
                if let result = state.withLock({ $0 }) { return result }
                usleep(500)
            }
            return .failure(.unavailable("no answer in ten seconds"))
        }
    }

    private func expected(_ series: Range<Int>, _ ticks: Range<Int>) -> SeriesOracle {
        var oracle = SeriesOracle()
        for tick in ticks {
            for i in series { oracle.add(MemtableTests.labels(i), Int64(tick) * 15_000, Double(tick * i)) }
        }
        return oracle
    }

    @Test func rowsSurviveFlushesAndRestarts() throws {
        var template = Array("/tmp/metricstore-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } }
        let path = try #require(made.map { String(cString: $0) })
        defer { try? Self.removeTree(path) }
        do {
            let running = try Running(path)
            try running.write(0..<20, 0..<30)
            #expect(try running.read() == expected(0..<20, 0..<30))
            try running.wait { running.engine.flush(done: $0) }
            try running.write(0..<20, 30..<50)
            #expect(try running.read() == expected(0..<20, 0..<50))
        }
        do {
            let running = try Running(path)
            #expect(try running.read() == expected(0..<20, 0..<50))
            // Overwriting what is in a segment.
            try running.write(3..<4, 5..<6, offset: 0.5)
            var truth = expected(0..<20, 0..<50)
            truth.add(MemtableTests.labels(3), 75_000, 15.5)
            #expect(try running.read() == truth)
            try running.wait {
                running.engine.delete(
                    tenant: .default, matchers: [Matcher("half", equals: "odd")], range: TimeRange(0, 200_000), done: $0
                )
            }
            for (labels, rows) in truth.rows where labels["half"] == "odd" {
                truth.rows[labels] = rows.filter { $0.key > 200_000 }
            }
            #expect(try running.read() == truth)
            try running.wait { running.engine.flush(done: $0) }
            try running.write(0..<20, 50..<51)
            for i in 0..<20 { truth.add(MemtableTests.labels(i), 750_000, Double(50 * i)) }
            #expect(try running.read() == truth)
            #expect(try running.read([Matcher("i", equals: "7")]).rows.keys.map { $0["i"] } == ["7"])
            let snapshot = MetricSource(running.engine).metricSnapshot(tenant: .default)
            #expect(try snapshot.metadata(family: nil).map(\.family) == ["m1"])
        }
    }

    private static func removeTree(_ path: String) throws {
        let fileSystem = PosixFileSystem()
        for name in try fileSystem.list(path) {
            let inner = Path.join(path, name)
            if try fileSystem.status(inner)?.isDirectory == true {
                try removeTree(inner)
            } else {
                try fileSystem.remove(inner)
            }
        }
        try fileSystem.remove(path)
    }
}
