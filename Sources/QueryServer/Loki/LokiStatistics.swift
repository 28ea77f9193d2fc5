import Formats
import Model

/// What a query cost, in Loki's shape. Rows that a source counted without reading them are not among those processed.
struct LokiStatistics {
    var scan = LogScanStatistics()
    var entriesReturned = 0
    var queueSeconds = 0.0
    var executionSeconds = 0.0

    /// What is to be said of an answer that is not whole.
    var warnings: [String] {
        guard scan.damagedBlocks > 0 else { return [] }
        let blocks = scan.damagedBlocks == 1 ? "1 damaged block" : "\(scan.damagedBlocks) damaged blocks"
        return ["\(blocks): the rows are missing from this answer; the server's log says which"]
    }
}

extension JSONWriter {
    mutating func lokiStatistics(_ statistics: LokiStatistics) {
        let scan = statistics.scan
        let seconds = max(statistics.executionSeconds, 1e-9)
        beginObject()
        key("summary")
        beginObject()
        member("bytesProcessedPerSecond", Int(Double(scan.bytesDecoded) / seconds))
        member("linesProcessedPerSecond", Int(Double(scan.rowsScanned) / seconds))
        member("totalBytesProcessed", scan.bytesDecoded)
        member("totalLinesProcessed", scan.rowsScanned)
        member("execTime", statistics.executionSeconds)
        member("queueTime", statistics.queueSeconds)
        member("subqueries", 0)
        member("totalEntriesReturned", statistics.entriesReturned)
        member("splits", 0)
        member("shards", 0)
        member("totalPostFilterLines", statistics.entriesReturned)
        member("totalStructuredMetadataBytesProcessed", 0)
        endObject()
        key("querier")
        beginObject()
        store(scan)
        endObject()
        key("ingester")
        beginObject()
        member("totalReached", 0)
        member("totalChunksMatched", 0)
        member("totalBatches", 0)
        member("totalLinesSent", 0)
        store(LogScanStatistics())
        endObject()
        key("cache")
        beginObject()
        endObject()
        key("index")
        beginObject()
        member("totalChunks", scan.blocks + scan.blocksPruned)
        member("postFilterChunks", scan.blocks)
        member("shardsDuration", 0)
        endObject()
        // Beyond Loki: parts looked at, and blocks whose rows are missing from the answer.
        member("segments", scan.segments)
        member("damagedBlocks", scan.damagedBlocks)
        endObject()
    }

    private mutating func store(_ scan: LogScanStatistics) {
        key("store")
        beginObject()
        member("totalChunksRef", scan.blocks + scan.blocksPruned)
        member("totalChunksDownloaded", scan.blocks)
        member("chunksDownloadTime", 0)
        key("chunk")
        beginObject()
        member("headChunkBytes", 0)
        member("headChunkLines", 0)
        member("decompressedBytes", scan.bytesDecoded)
        member("decompressedLines", scan.rowsScanned)
        member("compressedBytes", 0)
        member("totalDuplicates", 0)
        endObject()
        endObject()
    }
}
