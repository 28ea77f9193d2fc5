import Bedrock
import Formats
import Model
import Testing

@Suite struct RemoteWriteHistogramTests {
    private func decode(_ fill: (inout WireMessage) -> Void) throws -> (NativeHistogram?, RemoteWriteReport) {
        var message = WireMessage()
        message.bytes(1) { series in
            series.label("__name__", "h")
            series.bytes(4, fill)
        }
        let batch = MetricBatch()
        var decoder = RemoteWriteDecoder()
        let report = try message.bytes.withUnsafeBytes { try decoder.decode($0, into: batch) }
        #expect(batch.seriesCount == batch.histograms.count)
        return (batch.histograms.first?.histogram, report)
    }

    private func span(_ message: inout WireMessage, _ number: UInt64, _ offset: Int64, _ length: UInt64) {
        message.bytes(number) {
            $0.zigzag(1, offset)
            $0.varint(2, length)
        }
    }

    @Test func readsIntegerHistograms() throws {
        let (histogram, _) = try decode { m in
            m.varint(1, 14)
            m.double(3, 42.5)
            m.zigzag(4, 3)
            m.double(5, 0.001)
            m.varint(6, 2)
            span(&m, 11, -2, 2)
            span(&m, 11, 3, 1)
            m.packedZigzag(12, [1, 3, -1])
            span(&m, 8, 0, 2)
            m.zigzag(9, 1)
            m.zigzag(9, 2)
            m.varint(14, 2)
            m.varint(15, 1000)
        }
        #expect(
            histogram
                == NativeHistogram(
                    schema: 3, count: 14, sum: 42.5, zeroThreshold: 0.001, zeroCount: 2,
                    positiveSpans: [.init(offset: -2, length: 2), .init(offset: 3, length: 1)],
                    positiveBuckets: [1, 4, 3],
                    negativeSpans: [.init(offset: 0, length: 2)], negativeBuckets: [1, 3], resetHint: .notReset))
    }

    @Test func reducesFineSchemas() throws {
        // Schema 10: four neighbouring buckets become one of schema 8.
        let (histogram, _) = try decode { m in
            m.varint(1, 21)
            m.zigzag(4, 10)
            span(&m, 11, 1, 5)
            span(&m, 11, 7, 1)
            m.packedZigzag(12, [1, 1, 1, 1, 1, 1])
        }
        #expect(histogram?.schema == 8)
        #expect(histogram?.positiveSpans == [.init(offset: 1, length: 2), .init(offset: 1, length: 1)])
        #expect(histogram?.positiveBuckets == [10, 5, 6])
    }

    @Test func refusesInconsistentOnes() throws {
        let cases: [(String, (inout WireMessage) -> Void)] = [
            ("schema 9000", { $0.zigzag(4, 9000) }),
            (
                "spans say 2 buckets",
                { m in
                    m.varint(1, 1); span(&m, 11, 0, 2); m.packedZigzag(12, [1])
                }
            ),
            (
                "spans say 4294967295 buckets",
                { m in
                    m.varint(1, 1); span(&m, 11, 0, 1 << 40); m.packedZigzag(12, [1])
                }
            ),
            (
                "negative",
                { m in
                    m.varint(1, 1); span(&m, 11, 0, 2); m.packedZigzag(12, [1, -2])
                }
            ),
            (
                "out of range",
                { m in
                    span(&m, 11, 0, 2); m.packedZigzag(12, [.max, 1])
                }
            ),
            (
                "3 observations in buckets, but the count is 2",
                { m in
                    m.varint(1, 2); span(&m, 11, 0, 1); m.packedZigzag(12, [3])
                }
            ),
            (
                "a span overlaps",
                { m in
                    m.varint(1, 2); span(&m, 11, 0, 1); span(&m, 11, -1, 1); m.packedZigzag(12, [1, 0])
                }
            ),
            ("over 8192 buckets", { m in m.packed(13, [Double](repeating: 0, count: 9000)) }),
            (
                "ascend",
                { m in
                    m.zigzag(4, -53); m.packed(16, [2, 1])
                }
            ),
            (
                "more buckets than custom bounds",
                { m in
                    m.varint(1, 3); m.zigzag(4, -53); m.packed(16, [1]); span(&m, 11, 0, 3);
                    m.packedZigzag(12, [1, 0, 0])
                }
            ),
            ("custom bounds with schema 0", { m in m.packed(16, [1]) }),
            ("a count is negative", { $0.double(2, -1) }),
            (
                "a bucket's count is negative",
                { m in
                    m.double(2, 1); span(&m, 11, 0, 1); m.packed(13, [.nan])
                }
            ),
        ]
        for (reason, fill) in cases {
            let (histogram, report) = try decode(fill)
            #expect(histogram == nil, "\(reason)")
            #expect(report.rejected(.invalidHistogram) == 1)
            #expect(report.firstRejection?.contains(reason) == true, "\(reason): \(report.firstRejection ?? "")")
        }
    }

    @Test func takesStaleOnes() throws {
        let (histogram, _) = try decode { $0.double(3, StaleMarker.value) }
        #expect(histogram?.isStale == true)
    }
}
