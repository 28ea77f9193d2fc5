import Bedrock
import Columns
import LSM
import Model

extension LogEngineSnapshot {
    func patterns(
        matching matchers: [Matcher], range: LogTimeRange, stepNanoseconds: Int64, limit: Int,
        cancellation: Cancellation
    ) throws -> [LogPattern] {
        let selection = try select(LogRequest(matchers: matchers, range: range, cancellation: cancellation))
        let counts = PatternCounts(step: max(stepNanoseconds, 1))
        let lines = LineArena()
        var rest = RowSet(rowCount: 0, all: false)
        for part in 0..<selection.partCount {
            let block = try selection.open(part)
            let rows = try block.matchingRows()
            let times = try block.times()
            // Of each part only so many lines without a pattern, so that a sample is of all times.
            let share = max(LogStoreLimits.patternSampleRows / selection.partCount, 16)
            rest.reset(rowCount: times.count, all: false)
            for row in rows { rest.insert(Int(row)) }
            if let patterned = block as? any PatternedBlock {
                try patterned.forEachPattern(counts) { row, cluster in
                    guard rest.contains(row) else { return }
                    rest.remove(row)
                    counts.add(cluster, time: times[row])
                }
            }
            var sample: ContiguousArray<Int32> = []
            rest.appendRows(to: &sample)
            if sample.count > share {
                let step = sample.count / share
                sample = ContiguousArray(stride(from: 0, to: sample.count, by: step).map { sample[$0] })
            }
            lines.clear()
            try sample.withUnsafeBufferPointer { try block.readLines($0, into: lines) }
            for (number, row) in sample.enumerated() { counts.add(lines[number], time: times[Int(row)]) }
        }
        return counts.patterns(limit: limit)
    }
}

/// A block whose rows know their templates.
protocol PatternedBlock: AnyObject {
    /// Calls `body` for each row that has one, with the template's number in `counts`.
    func forEachPattern(_ counts: PatternCounts, _ body: (_ row: Int, _ cluster: Int) -> Void) throws
}

extension SelectedBlock: PatternedBlock where Storage == SegmentBlock {
    func forEachPattern(_ counts: PatternCounts, _ body: (_ row: Int, _ cluster: Int) -> Void) throws {
        guard let dictionary = try? storage.segment.lineDictionary(), dictionary.patternCount > 0,
            let lines = try? storage.lines()
        else { return }
        var clusters = [Int](repeating: -1, count: dictionary.patternCount)
        try lines.forEachPattern { row, pattern in
            if clusters[pattern] < 0 {
                clusters[pattern] = counts.cluster(
                    Array(dictionary.patternText(pattern).utf8), hasWords: dictionary.hasWords(inPattern: pattern))
            }
            body(row, clusters[pattern])
        }
    }
}

/// Rows by template and time; patterns that a template with words covers (`PatternFolding`) are counted as that one. Lines without a template are clustered by what is left of them when every word with a digit is taken out.
/// Not thread-safe.
final class PatternCounts {
    private struct Cluster {
        var text: [UInt8]
        /// Some of its variable parts are words.
        var hasWords: Bool
        var counts: [Int64: Int] = [:]
        /// Rows of neighbouring times are counted here first.
        var start = Int64.min
        var pending = 0

        mutating func settle() {
            if pending > 0 { counts[start, default: 0] += pending }
            pending = 0
        }
    }

    private let step: Int64
    private var clusters: ContiguousArray<Cluster> = []
    private var numbers: [[UInt8]: Int] = [:]

    init(step: Int64) { self.step = step }

    /// The number of a template.
    func cluster(_ text: [UInt8], hasWords: Bool = false) -> Int {
        if let known = numbers[text] {
            clusters[known].hasWords = clusters[known].hasWords || hasWords
            return known
        }
        numbers[text] = clusters.count
        clusters.append(Cluster(text: text, hasWords: hasWords))
        return clusters.count - 1
    }

    func add(_ cluster: Int, time: Int64) {
        let quotient = time / step
        let start = (time % step < 0 ? quotient - 1 : quotient).multipliedReportingOverflow(by: step).partialValue
        if clusters[cluster].start != start {
            clusters[cluster].settle()
            clusters[cluster].start = start
        }
        clusters[cluster].pending += 1
    }

    func add(_ line: UnsafeRawBufferPointer, time: Int64) { add(cluster(Self.template(line)), time: time) }

    func patterns(limit: Int) -> [LogPattern] {
        for at in clusters.indices { clusters[at].settle() }
        fold()
        let all = clusters.map { cluster in
            LogPattern(
                text: String(decoding: cluster.text, as: UTF8.self),
                counts: cluster.counts.sorted { $0.key < $1.key }.map { (time: $0.key, count: $0.value) })
        }.filter { $0.total > 0 }
        return Array(all.sorted { ($1.total, $0.text) < ($0.total, $1.text) }.prefix(max(limit, 0)))
    }

    /// Counts patterns that a template with words covers as that template.
    private func fold() {
        var folding = PatternFolding()
        for at in clusters.indices where clusters[at].hasWords { folding.add(clusters[at].text, cluster: at) }
        guard !folding.isEmpty else { return }
        for at in clusters.indices where !clusters[at].hasWords && !clusters[at].counts.isEmpty {
            guard let target = folding.cluster(covering: clusters[at].text) else { continue }
            clusters[target].counts.merge(clusters[at].counts, uniquingKeysWith: +)
            clusters[at].counts.removeAll()
        }
    }

    /// The line with its words that have a digit replaced.
    private static func template(_ line: UnsafeRawBufferPointer) -> [UInt8] {
        var template: [UInt8] = []
        var wordStart = 0
        var hasDigit = false
        let hole = Array("<_>".utf8)
        for byte in line.prefix(lineBytesMax) {
            let isDigit = byte >= 48 && byte <= 57
            let isWord = isDigit || byte >= 65 && byte <= 90 || byte >= 97 && byte <= 122 || byte >= 0x80
            if isWord {
                hasDigit = hasDigit || isDigit
                template.append(byte)
                continue
            }
            if hasDigit { template.replaceSubrange(wordStart..., with: hole) }
            template.append(byte)
            wordStart = template.count
            hasDigit = false
        }
        if hasDigit { template.replaceSubrange(wordStart..., with: hole) }
        return template
    }

    /// What of a line its cluster depends on.
    private static let lineBytesMax = 4096
}
