import Bedrock
import Model
import Synchronization

/// Logs in memory, in parts of a given number of rows, in the order in which they were written. Thread-safe. For test scripts and tests.
public final class MemoryLogSource: LogSource {
    struct Row: Sendable {
        var stream: Int
        var time: Int64
        var line: [UInt8]
        var metadata: Labels
    }

    private struct State {
        var streams: [Labels] = []
        var numbers: [Labels: Int] = [:]
        var rows: [Row] = []
    }

    private let state = Mutex(State())
    private let partRows: Int

    /// - Parameter partRows: rows of a part; the last one may have fewer.
    public init(partRows: Int = 1024) { self.partRows = max(1, partRows) }

    /// Adds a row; equal ones are kept both.
    public func append(_ stream: Labels, timestamp: Int64, line: [UInt8], metadata: Labels = .empty) {
        state.withLock { state in
            let number = state.numbers[stream] ?? state.streams.count
            if number == state.streams.count {
                state.streams.append(stream)
                state.numbers[stream] = number
            }
            state.rows.append(Row(stream: number, time: timestamp, line: line, metadata: metadata))
        }
    }

    public func append(_ stream: Labels, timestamp: Int64, line: String, metadata: Labels = .empty) {
        append(stream, timestamp: timestamp, line: Array(line.utf8), metadata: metadata)
    }

    public func removeAll() { state.withLock { $0 = State() } }

    public func snapshot(tenant: Tenant) throws -> any LogSnapshot {
        state.withLock { state in
            let order = state.streams.indices.sorted { state.streams[$0] < state.streams[$1] }
            var ranks = [Int](repeating: 0, count: order.count)
            for (rank, number) in order.enumerated() { ranks[number] = rank }
            var parts: [[Row]] = []
            for start in stride(from: 0, to: state.rows.count, by: partRows) {
                var part = Array(state.rows[start..<min(state.rows.count, start + partRows)])
                for index in part.indices { part[index].stream = ranks[part[index].stream] }
                let sorted = part.indices.sorted { a, b in
                    if part[a].stream != part[b].stream { return part[a].stream < part[b].stream }
                    return part[a].time != part[b].time ? part[a].time < part[b].time : a < b
                }
                parts.append(sorted.map { part[$0] })
            }
            return MemoryLogSnapshot(streams: order.map { state.streams[$0] }, parts: parts)
        }
    }
}

/// Immutable.
struct MemoryLogSnapshot: LogSnapshot {
    /// Sorted.
    let streams: [Labels]
    /// By stream, then time.
    let parts: [[MemoryLogSource.Row]]

    func select(_ request: LogRequest) throws -> any LogSelection { MemoryLogSelection(self, request) }

    func streams(
        matching sets: [[Matcher]], range: LogTimeRange, cancellation: Cancellation
    ) throws -> [Labels] {
        var used = Set<Int>()
        for part in parts {
            for row in part where range.contains(row.time) { used.insert(row.stream) }
        }
        return used.sorted().map { streams[$0] }.filter { labels in
            sets.isEmpty || sets.contains { labels.match($0) }
        }
    }

    func labelNames(
        matching sets: [[Matcher]], range: LogTimeRange, cancellation: Cancellation
    ) throws -> [String] {
        let found = try streams(matching: sets, range: range, cancellation: cancellation)
        return Set(found.flatMap { $0.list.map(\.name) }).sorted(by: utf8Precedes)
    }

    func labelValues(
        _ name: String, matching sets: [[Matcher]], range: LogTimeRange, cancellation: Cancellation
    ) throws -> [String] {
        let found = try streams(matching: sets, range: range, cancellation: cancellation)
        return Set(found.compactMap { $0[name] }).sorted(by: utf8Precedes)
    }

    /// Words that hold a digit vary, everything else is fixed.
    func patterns(
        matching matchers: [Matcher], range: LogTimeRange, stepNanoseconds: Int64, limit: Int,
        cancellation: Cancellation
    ) throws -> [LogPattern] {
        var counts: [String: [Int64: Int]] = [:]
        for row in parts.joined() where range.contains(row.time) && streams[row.stream].match(matchers) {
            let words = String(decoding: row.line, as: UTF8.self).split(
                separator: " ", omittingEmptySubsequences: false)
            let template = words.map { $0.utf8.contains { $0 >= 48 && $0 <= 57 } ? "<_>" : String($0) }
            let step = row.time - row.time % max(1, stepNanoseconds)
            counts[template.joined(separator: " "), default: [:]][step, default: 0] += 1
        }
        let patterns = counts.map { text, steps in
            LogPattern(text: text, counts: steps.sorted { $0.key < $1.key }.map { (time: $0.key, count: $0.value) })
        }
        return Array(
            patterns.sorted { $0.total != $1.total ? $0.total > $1.total : utf8Precedes($0.text, $1.text) }.prefix(
                limit))
    }
}

struct MemoryLogSelection: LogSelection {
    let streams: [Labels]
    let partCount: Int
    private let runsOfPart: [[LogRun]]
    private let parts: [[MemoryLogSource.Row]]
    private let request: LogRequest

    init(_ snapshot: MemoryLogSnapshot, _ request: LogRequest) {
        self.request = request
        let chosen = snapshot.streams.indices.filter { snapshot.streams[$0].match(request.matchers) }
        streams = chosen.map { snapshot.streams[$0] }
        var numbers: [Int: Int] = [:]
        for (number, index) in chosen.enumerated() { numbers[index] = number }
        let asks = !request.filters.isEmpty || !request.metadataMatchers.isEmpty
        var runs: [[LogRun]] = []
        var parts: [[MemoryLogSource.Row]] = []
        for part in snapshot.parts {
            let found = Self.runs(part, numbers, request.range, asks)
            guard !found.isEmpty else { continue }
            runs.append(found)
            parts.append(part)
        }
        runsOfPart = runs
        self.parts = parts
        partCount = parts.count
    }

    private static func runs(
        _ rows: [MemoryLogSource.Row], _ numbers: [Int: Int], _ range: LogTimeRange, _ asks: Bool
    ) -> [LogRun] {
        var runs: [LogRun] = []
        var start = 0
        while start < rows.count {
            var end = start + 1
            while end < rows.count, rows[end].stream == rows[start].stream { end += 1 }
            defer { start = end }
            let first = rows[start].time
            let last = rows[end - 1].time
            guard let number = numbers[rows[start].stream], range.overlaps(first, through: last) else { continue }
            runs.append(
                LogRun(
                    stream: number, rows: start..<end, firstTime: first, lastTime: last,
                    lineBytes: rows[start..<end].reduce(0) { $0 + $1.line.count },
                    isExact: !asks && range.contains(first, through: last),
                    hasMetadata: rows[start..<end].contains { !$0.metadata.isEmpty }))
        }
        return runs
    }

    func runs(_ part: Int) -> [LogRun] { runsOfPart[part] }

    func open(_ part: Int) throws -> any LogBlock {
        try request.cancellation.check()
        return MemoryLogBlock(runsOfPart[part], parts[part], streams, request)
    }

    var statistics: LogScanStatistics {
        var statistics = LogScanStatistics()
        statistics.blocks = partCount
        return statistics
    }
}

final class MemoryLogBlock: LogBlock {
    let runs: [LogRun]
    private let rows: [MemoryLogSource.Row]
    private let matching: UnsafeMutableBufferPointer<Int32>
    private let allTimes: UnsafeMutableBufferPointer<Int64>

    init(_ runs: [LogRun], _ rows: [MemoryLogSource.Row], _ streams: [Labels], _ request: LogRequest) {
        self.runs = runs
        self.rows = rows
        var found: [Int32] = []
        for run in runs {
            for index in run.rows where request.range.contains(rows[index].time) {
                let passes = request.filters.allSatisfy { $0.passes(rows[index].line) }
                let labels = LabelsBuilder(streams[run.stream])
                let isChosen = request.metadataMatchers.allSatisfy { matcher in
                    matcher.matches(labels[matcher.name] ?? rows[index].metadata[matcher.name] ?? "")
                }
                if passes && isChosen { found.append(Int32(index)) }
            }
        }
        matching = .allocate(capacity: found.count)
        _ = matching.initialize(from: found)
        allTimes = .allocate(capacity: rows.count)
        _ = allTimes.initialize(from: rows.map(\.time))
    }

    deinit {
        matching.deallocate()
        allTimes.deallocate()
    }

    func matchingRows() throws -> UnsafeBufferPointer<Int32> { UnsafeBufferPointer(matching) }
    func times() throws -> UnsafeBufferPointer<Int64> { UnsafeBufferPointer(allTimes) }
    var hasMetadata: Bool { rows.contains { !$0.metadata.isEmpty } }

    func readLines(_ wanted: UnsafeBufferPointer<Int32>, into lines: LineArena) throws {
        for row in wanted { rows[Int(row)].line.withUnsafeBytes { lines.append($0) } }
    }

    func readLineLengths(_ wanted: UnsafeBufferPointer<Int32>, into lengths: inout ContiguousArray<Int>) throws {
        for row in wanted { lengths.append(rows[Int(row)].line.count) }
    }

    func readMetadata(_ wanted: UnsafeBufferPointer<Int32>, into metadata: LineArena) throws {
        for row in wanted { rows[Int(row)].metadata.storage.withUnsafeBytes { metadata.append($0) } }
    }
}

extension LineFilter {
    /// Whether a line passes; for tests and sources without a compressed form.
    func passes(_ line: [UInt8]) -> Bool {
        line.withUnsafeBytes { line in
            let matches = alternatives.contains { alternative in
                switch alternative {
                case .literal(let bytes): bytes.withUnsafeBytes { line.firstOffset(of: $0) != nil }
                case .regex(let regex): regex.matches(line)
                }
            }
            return matches != isNegated
        }
    }
}
