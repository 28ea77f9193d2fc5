import Bedrock
import Model

/// Every row of a source, as text, in the order of parts and rows.
public enum StoredLines {
    public struct Row: Hashable, Sendable {
        public var labels: String
        public var time: Int64
        public var line: [UInt8]
        public var metadata: String
    }

    public static func all(_ source: any LogSource, tenant: Tenant = .default, matchers: [Matcher] = []) throws -> [Row]
    {
        let selection = try source.snapshot(tenant: tenant).select(LogRequest(matchers: matchers, range: .everything))
        var rows: [Row] = []
        for part in 0..<selection.partCount {
            let block = try selection.open(part)
            let matching = try block.matchingRows()
            let (lines, metadata) = (LineArena(), LineArena())
            try block.readLines(matching, into: lines)
            try block.readMetadata(matching, into: metadata)
            let times = try block.times()
            for (i, row) in matching.enumerated() {
                guard let run = block.runs.first(where: { $0.rows.contains(Int(row)) }) else { continue }
                rows.append(
                    Row(
                        labels: selection.streams[run.stream].description, time: times[Int(row)],
                        line: Array(lines[i]), metadata: Labels(canonical: metadata[i]).description))
            }
        }
        return rows
    }
}
