import Bedrock
import Formats
import Foundation
import Model

/// Remote-write requests made here, for servers under test.
enum RemoteWriteClient {
    static let headers = [
        "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    ]

    /// One sample of each of `series` series at `timestamp` (milliseconds).
    static func body(metric: String, series: Int, timestamp: Int64, value: (Int) -> Double) -> Data {
        let batch = MetricBatch()
        for i in 0..<series {
            batch.beginSeries(Labels([Label("__name__", metric), Label("series", "\(i)")]))
            batch.append(timestamp: timestamp, value: value(i))
        }
        return body(batch)
    }

    static func body(_ batch: MetricBatch) -> Data {
        var plain = ByteBuffer()
        RemoteWriteEncoder.encode(batch, into: &plain)
        var packed = ByteBuffer()
        Snappy.compress(plain.bytes, into: &packed)
        return Data(packed.array())
    }
}
