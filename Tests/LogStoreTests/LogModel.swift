import Bedrock
import LSM
import Model

@testable import LogStore

/// One row as a test thinks of it.
struct ModelRow: Equatable, CustomStringConvertible {
    var labels: Labels
    var time: Int64
    var line: [UInt8]
    var metadata: Labels = .empty

    var description: String {
        "\(labels) \(time) \(String(decoding: line.prefix(60), as: UTF8.self)) \(metadata)"
    }
}

/// What a store should hold, kept as plainly as possible.
struct LogModel {
    private(set) var rows: [ModelRow] = []

    mutating func add(_ row: ModelRow) { rows.append(row) }

    mutating func remove(where isGone: (ModelRow) -> Bool) { rows.removeAll(where: isGone) }

    /// By stream, then time; equal times as they came.
    func answer(_ request: LogRequest) -> [ModelRow] {
        let found = rows.enumerated().filter { Self.passes($0.element, request) }
        return found.sorted { a, b in
            if a.element.labels != b.element.labels { return a.element.labels < b.element.labels }
            if a.element.time != b.element.time { return a.element.time < b.element.time }
            return a.offset < b.offset
        }.map(\.element)
    }

    static func passes(_ row: ModelRow, _ request: LogRequest) -> Bool {
        row.labels.match(request.matchers) && request.range.contains(row.time)
            && request.filters.allSatisfy { filter in row.line.withUnsafeBytes { filter.passes($0) } }
            && request.metadataMatchers.allSatisfy { matcher in
                matcher.matches(row.labels[matcher.name] ?? row.metadata[matcher.name] ?? "")
            }
    }
}

extension LogSelection {
    /// Everything, read in the way LogQL would: by stream, then time, ties in the order of parts and rows. Checks what runs promise.
    func everything(_ complain: (String) -> Void = { _ in }) throws -> [ModelRow] {
        var rows: [(stream: Int, row: ModelRow)] = []
        let lines = LineArena()
        let metadata = LineArena()
        for part in 0..<partCount {
            let block = try open(part)
            let matching = try block.matchingRows()
            let times = try block.times()
            lines.clear()
            metadata.clear()
            try block.readLines(matching, into: lines)
            if block.hasMetadata { try block.readMetadata(matching, into: metadata) }
            var lengths: ContiguousArray<Int> = []
            try block.readLineLengths(matching, into: &lengths)
            if !lengths.elementsEqual((0..<lines.count).map { lines[$0].count }) { complain("lengths of lines differ") }
            let runs = runs(part)
            var counts = [Int](repeating: 0, count: runs.count)
            var bytes = [Int](repeating: 0, count: runs.count)
            var previous = Int32(-1)
            for (position, number) in matching.enumerated() {
                if block.hasMetadata, !metadata[position].isEmpty,
                    !(runs.first { $0.rows.contains(Int(number)) }?.hasMetadata ?? true)
                {
                    complain("a run has metadata and doesn't say so")
                }
                if number <= previous { complain("rows of part \(part) don't ascend") }
                previous = number
                guard let run = runs.firstIndex(where: { $0.rows.contains(Int(number)) }) else {
                    complain("row \(number) of part \(part) is in no run")
                    continue
                }
                counts[run] += 1
                bytes[run] += lines[position].count
                let time = times[Int(number)]
                if time < runs[run].firstTime || time > runs[run].lastTime { complain("a time out of its run") }
                rows.append(
                    (
                        runs[run].stream,
                        ModelRow(
                            labels: streams[runs[run].stream], time: time, line: Array(lines[position]),
                            metadata: block.hasMetadata ? Labels(canonical: metadata[position]) : .empty)
                    ))
            }
            for (at, run) in runs.enumerated() where run.isExact {
                if counts[at] != run.rows.count { complain("exact run of \(run.rows.count) rows has \(counts[at])") }
                if bytes[at] != run.lineBytes { complain("exact run of \(run.lineBytes) bytes has \(bytes[at])") }
            }
        }
        return rows.enumerated().sorted { a, b in
            if a.element.stream != b.element.stream { return a.element.stream < b.element.stream }
            if a.element.row.time != b.element.row.time { return a.element.row.time < b.element.row.time }
            return a.offset < b.offset
        }.map(\.element.row)
    }
}

/// Rows like those that programs write.
struct LogSamples {
    var generator: SeededGenerator
    static let start: Int64 = 1_700_000_000_000_000_000

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    static func labels(_ number: Int) -> Labels {
        Labels(["app": "app-\(number % 3)", "pod": "pod-\(number)", "env": number % 2 == 0 ? "prod" : "dev"])
    }

    mutating func int(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }

    mutating func line() -> [UInt8] {
        switch int(0..<10) {
        case 0: return []
        case 1: return (0..<int(1..<40)).map { _ in UInt8.random(in: 0...255, using: &generator) }
        case 2: return Array("error: connection to 10.0.\(int(0..<255)).\(int(0..<255)) lost".utf8)
        case 3: return Array(String(repeating: "long ", count: int(100..<1000)).utf8)
        default:
            return Array(
                "level=info msg=\"request \(int(0..<100_000)) done\" took=\(int(1..<900))ms status=\(int(200..<205))"
                    .utf8)
        }
    }

    mutating func metadata() -> Labels {
        switch int(0..<4) {
        case 0: Labels(["trace_id": String(int(0..<1 << 40), radix: 16), "detected_level": "info"])
        case 1: Labels(["detected_level": ["info", "error", "warn"][int(0..<3)]])
        default: .empty
        }
    }

    /// A batch of some rows of some streams, also added to `model`.
    mutating func batch(rows: Int, streams: Int, spanNanoseconds: Int64, at: Int64, _ model: inout LogModel) -> LogBatch
    {
        let batch = LogBatch()
        var left = rows
        while left > 0 {
            let labels = Self.labels(int(0..<streams))
            batch.beginStream(labels)
            for _ in 0..<min(left, int(1..<20)) {
                // Coarse, so that equal times are frequent.
                let time = at + Int64(int(0..<1000)) * (spanNanoseconds / 1000)
                let row = ModelRow(labels: labels, time: time, line: line(), metadata: metadata())
                row.line.withUnsafeBytes { line in
                    row.metadata.storage.withUnsafeBytes { batch.append(timestamp: time, line: line, metadata: $0) }
                }
                model.add(row)
                left -= 1
            }
        }
        return batch
    }
}
