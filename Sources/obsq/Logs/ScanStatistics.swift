import Bedrock
import Dashboards
import Formats

/// What queries read and spared, summed over pages.
struct ScanStatistics {
    private var sums: [String: Double] = [:]
    private var pages = 0

    /// Members of an answer's `stats.summary`, as Loki calls them, and of `stats.scan`, which is this house's own.
    private static let summed = [
        "totalBytesProcessed", "totalLinesProcessed", "totalEntriesReturned", "execTime", "queueTime", "segments",
        "blocks", "blocksPruned", "rowsScanned", "bytesDecoded", "damagedBlocks",
    ]

    /// Takes in the statistics of one answer.
    mutating func add(_ statistics: JSONValue?) {
        pages += 1
        for part in ["summary", "scan"] {
            guard let members = statistics?[part] else { continue }
            for name in Self.summed { if let value = members[name]?.number { sums[name, default: 0] += value } }
        }
    }

    var damagedBlocks: Int { Int(sums["damagedBlocks"] ?? 0) }

    /// For people, on standard error.
    func report(to output: Output, entries: Int, seconds: Double) {
        func count(_ name: String) -> String { UnitFormat("short").format(sums[name] ?? 0).text }
        func bytes(_ name: String) -> String { UnitFormat("bytes").format(sums[name] ?? 0).text }
        var lines = ["entries   \(entries) in \(pages) page\(pages == 1 ? "" : "s")"]
        if sums["totalLinesProcessed"] != nil {
            lines.append("scanned   \(count("totalLinesProcessed")) lines, \(bytes("totalBytesProcessed"))")
        }
        if let blocks = sums["blocks"] {
            let pruned = sums["blocksPruned"] ?? 0
            let share = blocks + pruned > 0 ? Int((pruned / (blocks + pruned) * 100).rounded()) : 0
            lines.append(
                "read      \(Int(blocks)) blocks of \(count("segments")) segments, \(bytes("bytesDecoded")) decoded")
            lines.append("spared    \(Int(pruned)) blocks (\(share) %)")
        }
        if damagedBlocks > 0 { lines.append("damaged   \(damagedBlocks) blocks could not be read") }
        let server = sums["execTime"].map { ", \(Self.milliseconds($0)) on the server" } ?? ""
        lines.append("time      \(Self.milliseconds(seconds))\(server)")
        for line in lines { output.note(line) }
    }

    private static func milliseconds(_ seconds: Double) -> String {
        NumberText.text((seconds * 100_000).rounded() / 100) + " ms"
    }
}
