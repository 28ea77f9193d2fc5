import Model
import Testing

@Suite struct MetricBatchExemplarTests {
    private func exemplar(_ trace: String, _ value: Double, _ time: Int64) -> Exemplar {
        Exemplar(labels: Labels(["trace_id": trace]), value: value, timestamp: time)
    }

    private func exemplars(_ batch: MetricBatch, _ index: Int) -> [Exemplar] {
        batch.exemplars(of: index).map { row in
            let item = batch.exemplars[row]
            return Exemplar(
                labels: batch.withLabels(item) { Labels(canonical: $0) }, value: item.value, timestamp: item.timestamp)
        }
    }

    @Test func exemplarsBelongToTheSeriesBegunLast() {
        let batch = MetricBatch()
        batch.beginSeries(Labels(["__name__": "a"]))
        batch.append(exemplar("1", 0.5, 10))
        batch.append(timestamp: 12, value: 1)
        batch.append(exemplar("2", 0.7, 11))
        batch.beginSeries(Labels(["__name__": "b"]))
        batch.append(timestamp: 12, value: 1)
        batch.beginSeries(Labels(["__name__": "c"]))
        batch.append(Exemplar(labels: .empty, value: 1, timestamp: 9))
        #expect(exemplars(batch, 0) == [exemplar("1", 0.5, 10), exemplar("2", 0.7, 11)])
        #expect(exemplars(batch, 1) == [])
        #expect(exemplars(batch, 2) == [Exemplar(labels: .empty, value: 1, timestamp: 9)])
        #expect((0..<3).map { batch.labels($0)["__name__"] } == ["a", "b", "c"])
        batch.dropLastSeries()
        #expect(batch.exemplars.count == 2)
        batch.beginSeries(Labels(["__name__": "d"]))
        #expect(exemplars(batch, 2) == [])
        #expect(batch.labels(2) == Labels(["__name__": "d"]))
        batch.clear()
        #expect(batch.exemplars.isEmpty)
    }

    @Test func repeatsAndLongLabelsAreNotTaken() {
        let batch = MetricBatch()
        batch.beginSeries(Labels(["__name__": "a"]))
        #expect(batch.append(exemplar("1", 0.5, 10)))
        #expect(!batch.append(exemplar("1", 0.5, 10)))
        #expect(batch.append(exemplar("1", 0.5, 11)))
        #expect(batch.append(exemplar(String(repeating: "é", count: 120), 0.5, 12)))
        #expect(!batch.append(exemplar(String(repeating: "é", count: 121), 0.5, 13)))
        batch.beginSeries(Labels(["__name__": "b"]))
        #expect(batch.append(exemplar(String(repeating: "é", count: 120), 0.5, 12)))
        #expect(batch.exemplars.count == 4)
    }

    @Test func exemplarsAreCopiedWithTheirSeries() {
        let batch = MetricBatch()
        batch.beginSeries(Labels(["__name__": "a"]))
        for time in 0..<5 { batch.append(exemplar("\(time)", 1, Int64(time))) }
        let other = MetricBatch()
        other.beginSeries(Labels(["__name__": "x"]))
        other.beginSeries(Labels(["__name__": "y"]))
        other.appendExemplars(of: 0, in: batch) { $0.timestamp >= 3 }
        #expect(exemplars(other, 1) == [exemplar("3", 1, 3), exemplar("4", 1, 4)])
    }
}
