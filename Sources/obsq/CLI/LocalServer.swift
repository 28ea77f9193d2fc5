import Bedrock
import Collector
import Instruments
import LSM
import Model
import QueryServer
import Transport

/// The query API over a data folder, in this process and without a socket: what `--data DIR` talks to.
///
/// Takes the folder's lock, so it is for folders that no obsd is running on.
final class LocalServer: HTTPCaller {
    private let metrics: MetricStorage
    private let logs: LogStorage
    private let traces: TraceStorage
    private let api: QueryAPI
    private let caller: LocalCaller

    init(_ folder: String) throws {
        let home = try withDataFolder(folder) { try StorageHome(folder, ballastBytes: 0) }
        let ledger = LossLedger(registry: InstrumentRegistry())
        metrics = try withDataFolder(folder) { try MetricStorage(home, ledger: ledger) }
        logs = try withDataFolder(folder) { try LogStorage(home, ledger: ledger) }
        traces = try withDataFolder(folder) { try TraceStorage(home, ledger: ledger) }
        var dependencies = QueryDependencies(source: metrics.source)
        dependencies.logs = logs.source
        dependencies.spans = traces.source
        api = QueryAPI(dependencies)
        caller = LocalCaller(routes: api.routes())
    }

    deinit {
        api.stop()
        _ = metrics.close(deadlineNanoseconds: 10_000_000_000)
        _ = logs.close(deadlineNanoseconds: 10_000_000_000)
        _ = traces.close(deadlineNanoseconds: 10_000_000_000)
    }

    func send(_ call: HTTPCall, done: @escaping @Sendable (Result<HTTPResponse, HTTPCallError>) -> Void) {
        caller.send(call, done: done)
    }
}

/// Runs `open` on a folder that holds data already, and puts what stands in the way into words.
func withDataFolder<T>(_ folder: String, _ open: () throws -> T) throws -> T {
    let version = (try? PosixFileSystem().status(Path.join(folder, "VERSION"))) ?? nil
    guard version != nil else { throw Failure("\(folder) is not a data folder: it has no VERSION", .usage) }
    do {
        return try open()
    } catch let error as EngineError {
        if case .inUse = error {
            throw Failure("\(folder) is in use by a running obsd: ask that with --server", .refused)
        }
        throw Failure("\(error)", .refused)
    }
}
