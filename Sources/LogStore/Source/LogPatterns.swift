import Bedrock
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
        for part in 0..<selection.partCount where counts.rowCount < LogStoreLimits.patternSampleRows {
            let block = try selection.open(part)
            let rows = try block.matchingRows()
            let times = try block.times()
            lines.clear()
            try block.readLines(rows, into: lines)
            for (number, row) in rows.enumerated() { counts.add(lines[number], time: times[Int(row)]) }
        }
        return counts.patterns(limit: limit)
    }
}

/// Clusters lines by what is left of them when everything with a digit is taken out. Not thread-safe.
final class PatternCounts {
    private let step: Int64
    private var clusters: [[UInt8]: [Int64: Int]] = [:]
    private(set) var rowCount = 0

    init(step: Int64) { self.step = step }

    func add(_ line: UnsafeRawBufferPointer, time: Int64) {
        rowCount += 1
        clusters[Self.template(line), default: [:]][start(time), default: 0] += 1
    }

    private func start(_ time: Int64) -> Int64 {
        let quotient = time / step
        return (time % step < 0 ? quotient - 1 : quotient).multipliedReportingOverflow(by: step).partialValue
    }

    func patterns(limit: Int) -> [LogPattern] {
        let all = clusters.map { text, counts in
            LogPattern(
                text: String(decoding: text, as: UTF8.self),
                counts: counts.sorted { $0.key < $1.key }.map { (time: $0.key, count: $0.value) })
        }
        return Array(all.sorted { ($1.total, $0.text) < ($0.total, $1.text) }.prefix(max(limit, 0)))
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
