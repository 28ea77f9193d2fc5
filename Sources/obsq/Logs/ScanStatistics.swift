import Bedrock
import Dashboards
import Formats

/// What queries read and spared, summed over pages, as Loki's `stats` tell it.
struct ScanStatistics {
    private var pages = 0
    private var lines = 0.0
    private var bytes = 0.0
    private var seconds = 0.0
    /// Blocks, which Loki calls chunks: those that matchers and range leave, and of them those that were read.
    private var blocksConsidered: Double?
    private var blocksRead = 0.0
    /// Parts of the store that were looked at, where the server counts them; the most of any page, as pages look at the same ones.
    private var segments: Int?
    private var damagedBlocks = 0

    /// Takes in the statistics of one answer.
    mutating func add(_ statistics: JSONValue?) {
        pages += 1
        let summary = statistics?["summary"]
        lines += summary?["totalLinesProcessed"]?.number ?? 0
        bytes += summary?["totalBytesProcessed"]?.number ?? 0
        seconds += summary?["execTime"]?.number ?? 0
        if let count = statistics?["segments"]?.int { segments = max(segments ?? 0, count) }
        damagedBlocks = max(damagedBlocks, statistics?["damagedBlocks"]?.int ?? 0)
        guard let index = statistics?["index"], let total = index["totalChunks"]?.number else { return }
        blocksConsidered = (blocksConsidered ?? 0) + total
        blocksRead += index["postFilterChunks"]?.number ?? 0
    }

    /// For people, on standard error.
    func report(to output: Output, entries: Int, seconds: Double) {
        var told = ["entries   \(entries) in \(pages) page\(pages == 1 ? "" : "s")"]
        let size = UnitFormat("bytes").format(bytes).text
        told.append("scanned   \(UnitFormat("short").format(lines).text) lines, \(size)")
        if let considered = blocksConsidered, considered > 0 {
            let spared = considered - blocksRead
            told.append(
                "blocks    \(Int(blocksRead)) read, \(Int(spared)) spared (\(Int((spared / considered * 100).rounded())) %)"
            )
        }
        if let segments { told.append("segments  \(segments), \(damagedBlocks) damaged blocks") }
        told.append("time      \(Self.milliseconds(seconds)), \(Self.milliseconds(self.seconds)) of them on the server")
        for line in told { output.note(line) }
    }

    private static func milliseconds(_ seconds: Double) -> String {
        NumberText.text((seconds * 100_000).rounded() / 100) + " ms"
    }
}
