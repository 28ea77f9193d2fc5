import Bedrock
import Model

/// Log batches as tests compare them: a row as labels, time, line bytes and metadata, in order.
struct LogRows: Equatable, CustomStringConvertible {
    struct Row: Equatable {
        var labels: String
        var time: Int64
        var line: [UInt8]
        var metadata: String
    }

    var rows: [Row] = []

    init(_ batch: LogBatch) {
        for (index, stream) in batch.streams.enumerated() {
            for row in stream.firstRow..<stream.firstRow + stream.rowCount {
                rows.append(
                    Row(
                        labels: batch.labels(index).description, time: batch.rows[row].timestamp,
                        line: batch.line(row), metadata: batch.metadata(row).description))
            }
        }
    }

    var description: String {
        rows.map { "\($0.labels) \($0.time) \(String(decoding: $0.line, as: UTF8.self)) \($0.metadata)" }
            .joined(separator: "\n")
    }

    var lines: [String] { rows.map { String(decoding: $0.line, as: UTF8.self) } }
}

enum LogSample {
    /// Random entries: any bytes as lines, empty and long ones, metadata or none.
    static func batch(_ random: inout SeededGenerator, textOnly: Bool = false) -> LogBatch {
        let batch = LogBatch()
        for s in 0..<Int(random.next() % 5) {
            batch.beginStream(
                Labels([Label("app", "a\"\\\n\(s)é"), Label("n", String(random.next() % 100))]))
            for _ in 0..<Int(1 + random.next() % 6) {
                let line = bytes(&random, textOnly: textOnly)
                var metadata: [Label] = []
                for m in 0..<Int(random.next() % 3) { metadata.append(Label("m\(m)", "v\(random.next() % 1000)")) }
                let time = Int64(bitPattern: random.next()) / 4
                line.withUnsafeBytes { line in
                    Labels(metadata).storage.withUnsafeBytes {
                        batch.append(timestamp: time, line: line, metadata: $0)
                    }
                }
            }
        }
        return batch
    }

    static func bytes(_ random: inout SeededGenerator, textOnly: Bool) -> [UInt8] {
        let length = random.next() % 10 == 0 ? 0 : Int(random.next() % 200)
        return (0..<length).map { _ in
            let byte = UInt8(truncatingIfNeeded: random.next())
            return textOnly ? 0x20 + byte % 0x5F : byte
        }
    }

    /// `bytes` with a few bytes changed, cut or added.
    static func damaged(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int(1 + random.next() % 4) where !bytes.isEmpty {
            let at = Int(random.next() % UInt64(bytes.count))
            switch random.next() % 4 {
            case 0: bytes.removeSubrange(at...)
            case 1: bytes.remove(at: at)
            case 2: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: at)
            default: bytes[at] = UInt8(truncatingIfNeeded: random.next())
            }
        }
        return bytes
    }
}
