import Bedrock
import Model

/// Who calls whom: client and server spans of one request, put together by the client's span id, as the series
/// `traces_service_graph_request_*` (the names that Tempo's metrics generator gave them and Grafana's service graph reads).
///
/// A client span of a database, and one whose server never reports although it names its peer, makes an edge alone. Not thread-safe.
struct ServiceGraph {
    /// The span that the other side will name.
    private struct Key: Hashable {
        var trace: TraceID
        var client: SpanID
    }

    /// One side of a request that waits for the other.
    private struct Side {
        var isClient: Bool
        var service: String
        /// Of a client: whom it says it calls.
        var peer: String
        var span: SpanExemplar
        var isFailed: Bool
        var isMessaging: Bool
        var since: Int64
    }

    private var edges: LabelSetTable
    private var client: LatencyTable
    private var server: LatencyTable
    private var requests: ContiguousArray<UInt64> = []
    private var failures: ContiguousArray<UInt64> = []
    private var pending: [Key: Side] = [:]
    /// In the order in which they came; those matched since are skipped.
    private var waiting: [(key: Key, since: Int64)] = []
    private var waitingFirst = 0
    private let options: SpanMetricsOptions
    /// Spans whose other side never came, and that name no peer; sides that found no room; edges that were one too many.
    private(set) var unpaired = 0
    private(set) var dropped = 0

    init(_ options: SpanMetricsOptions) {
        self.options = options
        edges = LabelSetTable(limit: options.edgesMax)
        client = LatencyTable(bounds: options.bounds)
        server = LatencyTable(bounds: options.bounds)
    }

    var edgeCount: Int { edges.count }
    var pendingCount: Int { pending.count }

    /// Takes in the client, server, producer and consumer spans of a batch.
    mutating func observe(_ batch: SpanBatch, arena: UnsafeRawBufferPointer, services: BatchServices, now: Int64) {
        expire(now: now)
        for row in batch.rows {
            let isClient = row.kind == .client || row.kind == .producer
            guard isClient || row.kind == .server || row.kind == .consumer else { continue }
            guard isClient || !row.parentID.isZero else { continue }
            let service = labelText(services.names[Int(row.resource)], bytesMax: options.valueBytesMax)
            let span = SpanExemplar(
                traceID: row.traceID, spanID: row.spanID, seconds: Double(row.duration) / 1e9, time: row.end / 1_000_000
            )
            let side = Side(
                isClient: isClient, service: service, peer: "", span: span, isFailed: row.status == .error,
                isMessaging: row.kind == .producer || row.kind == .consumer, since: now)
            take(side, Key(trace: row.traceID, client: isClient ? row.spanID : row.parentID), arena[row.attributes])
        }
    }

    private mutating func take(_ side: Side, _ key: Key, _ attributes: UnsafeRawBufferPointer) {
        var side = side
        if side.isClient {
            let peer = Peer(attributes, bytesMax: options.valueBytesMax)
            if let database = peer.database {
                return record(
                    client: side.service, server: database, type: "database", clientSpan: side.span, serverSpan: nil,
                    isFailed: side.isFailed, now: side.since)
            }
            side.peer = peer.name
        }
        if let other = pending[key], other.isClient != side.isClient {
            pending[key] = nil
            let (caller, callee) = side.isClient ? (side, other) : (other, side)
            record(
                client: caller.service, server: callee.service, type: caller.isMessaging ? "messaging_system" : "",
                clientSpan: caller.span, serverSpan: callee.span, isFailed: caller.isFailed || callee.isFailed,
                now: side.since)
            return
        }
        guard pending.count < options.pendingMax else {
            dropped += 1
            return
        }
        pending[key] = side
        waiting.append((key, side.since))
        // Matched sides stay listed until their time is over: under a high rate they would outnumber the waiting ones without end.
        if waiting.count - waitingFirst > 4 * options.pendingMax {
            waiting = waiting[waitingFirst...].filter { pending[$0.key]?.since == $0.since }
            waitingFirst = 0
        }
    }

    /// Gives up on sides that have waited long enough.
    mutating func expire(now: Int64) {
        while waitingFirst < waiting.count, now - waiting[waitingFirst].since >= options.pendingMilliseconds {
            let key = waiting[waitingFirst].key
            waitingFirst += 1
            guard let side = pending[key], now - side.since >= options.pendingMilliseconds else { continue }
            pending[key] = nil
            if side.isClient && !side.peer.isEmpty {
                record(
                    client: side.service, server: side.peer, type: "virtual_node", clientSpan: side.span,
                    serverSpan: nil, isFailed: side.isFailed, now: now)
            } else {
                unpaired += 1
            }
        }
        if waitingFirst > 1024 && waitingFirst * 2 > waiting.count {
            waiting.removeFirst(waitingFirst)
            waitingFirst = 0
        }
    }

    private mutating func record(
        client caller: String, server callee: String, type: String, clientSpan: SpanExemplar, serverSpan: SpanExemplar?,
        isFailed: Bool, now: Int64
    ) {
        var isNew = false
        var hash = Hash128(of: caller)
        let other = Hash128(of: callee, seed: hash.low)
        hash = Hash128(high: hash.high ^ other.high, low: Hash128(of: type, seed: other.low).low)
        let generator = options.generator
        guard
            let number = edges.number(
                hash, now: now, isNew: &isNew,
                make: {
                    Labels([
                        Label("client", caller), Label("server", callee), Label("connection_type", type),
                        Label("generator", generator),
                    ])
                })
        else {
            dropped += 1
            return
        }
        if isNew { makeRoom(number) }
        requests[number] &+= 1
        if isFailed { failures[number] &+= 1 }
        client.record(number, clientSpan)
        server.record(number, serverSpan ?? clientSpan)
    }

    private mutating func makeRoom(_ number: Int) {
        if number < requests.count {
            requests[number] = 0
            failures[number] = 0
            client.reset(number)
            server.reset(number)
        } else {
            requests.append(0)
            failures.append(0)
            client.append()
            server.append()
        }
    }

    /// Appends all values, and ends edges that were idle for too long.
    mutating func write(into batch: MetricBatch, now: Int64) {
        for number in edges.labels.indices {
            guard let labels = edges.labels[number] else { continue }
            let isEnding = now - edges.lastSeen[number] > options.idleMilliseconds
            var writer = SeriesWriter(
                batch, base: labels, now: now,
                zeroAt: edges.isWritten[number] ? nil : now - options.flushMilliseconds, isEnding: isEnding)
            writer.write("traces_service_graph_request_total", Double(requests[number]))
            writer.write("traces_service_graph_request_failed_total", Double(failures[number]))
            client.write(number, "traces_service_graph_request_client_seconds", to: &writer)
            server.write(number, "traces_service_graph_request_server_seconds", to: &writer)
            edges.isWritten[number] = true
            if isEnding { edges.remove(number) }
        }
    }
}

/// Whom a client span says it calls, by OpenTelemetry's semantic conventions, older and newer names.
private struct Peer {
    /// The name of a database, of a span that has `db.system` or `db.system.name`.
    private(set) var database: String?
    private(set) var name = ""

    init(_ attributes: UnsafeRawBufferPointer, bytesMax: Int) {
        var service: AttributeBytes?
        var address: AttributeBytes?
        var system: AttributeBytes?
        var database: AttributeBytes?
        var cursor = AttributeCursor(attributes)
        while cursor.next() {
            guard cursor.value.type == .string, cursor.value.payload.count > 0 else { continue }
            let key = cursor.key
            if key.isEqual(to: "peer.service") || key.isEqual(to: "service.peer.name") { service = cursor.value }
            if key.isEqual(to: "server.address") || key.isEqual(to: "net.peer.name") { address = cursor.value }
            if key.isEqual(to: "db.system") || key.isEqual(to: "db.system.name") { system = cursor.value }
            if key.isEqual(to: "db.name") || key.isEqual(to: "db.namespace") { database = cursor.value }
        }
        if let system {
            let best = service ?? database ?? address ?? system
            self.database = labelText(best.payload, bytesMax: bytesMax)
        } else if let best = service ?? address {
            name = labelText(best.payload, bytesMax: bytesMax)
        }
    }
}

extension Hash128 {
    fileprivate init(of text: String, seed: UInt64 = 0) {
        var text = text
        self = text.withUTF8 { Hash128(of: UnsafeRawBufferPointer($0), seed: seed) }
    }
}
