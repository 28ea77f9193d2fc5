import Bedrock
import Formats
import Kernels
import Model
import PromQL

/// Writes query results as Prometheus' API has them, from columns, without a text of its own per point.
extension JSONWriter {
    mutating func value(_ value: QueryValue) {
        switch value {
        case .scalar(let timestamp, let number): point(timestamp, number)
        case .string(let timestamp, let text):
            beginArray()
            seconds(milliseconds: timestamp)
            string(text)
            endArray()
        case .vector(let vector): self.vector(vector)
        case .matrix(let series):
            beginArray()
            for one in series { self.series(one) }
            endArray()
        }
    }

    /// An object of a label set.
    mutating func labels(_ labels: Labels) { labels.storage.withUnsafeBytes { self.labels(canonical: $0) } }

    mutating func labels(canonical bytes: UnsafeRawBufferPointer) {
        beginObject()
        var cursor = LabelCursor(bytes)
        while cursor.next() {
            key(cursor.name)
            string(cursor.value)
        }
        endObject()
    }

    private mutating func vector(_ vector: ResultVector) {
        beginArray()
        for index in 0..<vector.count {
            beginObject()
            key("metric")
            labels(vector.labels[index])
            if let histogram = vector.histograms[index] {
                key("histogram")
                point(vector.timestamp, histogram)
            } else {
                key("value")
                point(vector.timestamp, vector.values[index])
            }
            endObject()
        }
        endArray()
    }

    private mutating func series(_ series: ResultSeries) {
        beginObject()
        key("metric")
        labels(series.labels)
        if !series.values.isEmpty {
            key("values")
            beginArray()
            for (timestamp, value) in zip(series.timestamps, series.values) { point(timestamp, value) }
            endArray()
        }
        if !series.histograms.isEmpty {
            key("histograms")
            beginArray()
            for row in series.histograms { point(row.timestamp, row.histogram) }
            endArray()
        }
        endObject()
    }

    private mutating func point(_ timestamp: Int64, _ value: Double) {
        beginArray()
        seconds(milliseconds: timestamp)
        quotedFloat(value)
        endArray()
    }

    private mutating func point(_ timestamp: Int64, _ histogram: NativeHistogram) {
        beginArray()
        seconds(milliseconds: timestamp)
        self.histogram(histogram)
        endArray()
    }

    private mutating func histogram(_ histogram: NativeHistogram) {
        beginObject()
        key("count")
        quotedFloat(histogram.count)
        key("sum")
        quotedFloat(histogram.sum)
        let buckets = histogram.allBuckets
        if !buckets.isEmpty {
            key("buckets")
            beginArray()
            for bucket in buckets {
                beginArray()
                integer(Self.boundaryRule(bucket, isCustom: histogram.hasCustomBuckets))
                quotedFloat(bucket.lower)
                quotedFloat(bucket.upper)
                quotedFloat(bucket.count)
                endArray()
            }
            endArray()
        }
        endObject()
    }

    /// Which ends belong to a bucket: 0 the upper, 1 the lower, 3 both.
    private static func boundaryRule(_ bucket: HistogramBucket, isCustom: Bool) -> Int {
        if isCustom { return bucket.lower == -.infinity ? 3 : 0 }
        if bucket.lower <= 0 && bucket.upper >= 0 { return 3 }
        return bucket.upper < 0 ? 1 : 0
    }
}
