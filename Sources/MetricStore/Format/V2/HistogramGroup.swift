import Bedrock
import Model

/// Layouts of consecutive histograms that share schema, zero threshold and bounds, and the buckets that any of them has.
struct HistogramGroup {
    /// Buckets of one sign by index, ascending.
    private typealias Indexes = [Int64]

    /// Distinct layouts: histograms without populations.
    private(set) var layouts: [NativeHistogram] = []
    /// For each layout, where its buckets, positive ones first, stand among all buckets of the group.
    private(set) var places: [[Int]] = []
    /// For each layout, how many of its buckets are positive.
    private(set) var positiveCounts: [Int] = []
    private(set) var layoutOfRow: [Int] = []
    /// Of all layouts; of no use with a single one, whose buckets stand as they are.
    private var positive: Indexes = []
    private var negative: Indexes = []
    private var indexes: [(positive: Indexes, negative: Indexes)] = []
    private(set) var bucketCount = 0
    /// Buckets of the largest layout.
    private var largest = 0

    // MARK: Gathering

    init(_ first: NativeHistogram) {
        layouts = [Self.bare(first)]
        layoutOfRow = [0]
        bucketCount = first.positiveBuckets.count + first.negativeBuckets.count
        largest = bucketCount
        places = [Array(0..<bucketCount)]
        positiveCounts = [first.positiveBuckets.count]
        if let positive = Self.indexes(first.positiveSpans), let negative = Self.indexes(first.negativeSpans) {
            indexes = [(positive, negative)]
            (self.positive, self.negative) = (positive, negative)
        }
    }

    /// Adds the next row; false, with nothing changed, when it doesn't fit this group.
    mutating func add(_ row: NativeHistogram) -> Bool {
        let last = layouts[layoutOfRow[layoutOfRow.count - 1]]
        guard row.schema == last.schema, row.zeroThreshold.bitPattern == last.zeroThreshold.bitPattern,
            row.customValues.count == last.customValues.count,
            zip(row.customValues, last.customValues).allSatisfy({ $0.bitPattern == $1.bitPattern })
        else { return false }
        if row.positiveSpans == last.positiveSpans, row.negativeSpans == last.negativeSpans {
            layoutOfRow.append(layoutOfRow[layoutOfRow.count - 1])
            return true
        }
        if let known = layouts.firstIndex(where: {
            $0.positiveSpans == row.positiveSpans && $0.negativeSpans == row.negativeSpans
        }) {
            layoutOfRow.append(known)
            return true
        }
        return addLayout(row)
    }

    private mutating func addLayout(_ row: NativeHistogram) -> Bool {
        guard !indexes.isEmpty, let own = Self.indexes(row.positiveSpans), let other = Self.indexes(row.negativeSpans)
        else { return false }
        let (up, down) = (Self.union(positive, own), Self.union(negative, other))
        let most = max(largest, own.count + other.count)
        guard up.count + down.count <= most * 2 + 16, up.count + down.count <= HistogramChunk.bucketsMax else {
            return false
        }
        (positive, negative, largest) = (up, down, most)
        bucketCount = up.count + down.count
        layoutOfRow.append(layouts.count)
        layouts.append(Self.bare(row))
        indexes.append((own, other))
        positiveCounts.append(own.count)
        places = indexes.map {
            Self.places($0.positive, in: positive) + Self.places($0.negative, in: negative, after: positive.count)
        }
        return true
    }

    private static func bare(_ histogram: NativeHistogram) -> NativeHistogram {
        NativeHistogram(
            schema: histogram.schema, zeroThreshold: histogram.zeroThreshold, positiveSpans: histogram.positiveSpans,
            negativeSpans: histogram.negativeSpans, customValues: histogram.customValues)
    }

    /// Indexes that spans speak of; nil when they don't ascend.
    private static func indexes(_ spans: [NativeHistogram.Span]) -> Indexes? {
        var indexes: Indexes = []
        var next: Int64 = 0
        for span in spans {
            next += Int64(span.offset)
            guard span.length <= HistogramChunk.bucketsMax, indexes.count <= HistogramChunk.bucketsMax else {
                return nil
            }
            for _ in 0..<span.length {
                if let last = indexes.last, last >= next { return nil }
                indexes.append(next)
                next += 1
            }
        }
        return indexes
    }

    private static func union(_ a: Indexes, _ b: Indexes) -> Indexes {
        var result: Indexes = []
        result.reserveCapacity(max(a.count, b.count))
        var i = 0
        var j = 0
        while i < a.count || j < b.count {
            if j == b.count || (i < a.count && a[i] < b[j]) {
                result.append(a[i])
                i += 1
            } else {
                if i < a.count, a[i] == b[j] { i += 1 }
                result.append(b[j])
                j += 1
            }
        }
        return result
    }

    /// Where ascending `own` stand in `all`, which holds them.
    private static func places(_ own: Indexes, in all: Indexes, after start: Int = 0) -> [Int] {
        var at = 0
        return own.map { index in
            while all[at] < index { at += 1 }
            return start + at
        }
    }

    // MARK: Bytes

    func encode(into target: inout ByteBuffer) {
        let shared = layouts[0]
        target.append(signedVarint: Int64(shared.schema))
        target.append(compact: shared.zeroThreshold)
        target.append(varint: shared.customValues.count)
        for bound in shared.customValues { target.append(compact: bound) }
        target.append(varint: layouts.count)
        if layouts.count > 1 {
            Self.encode(positive, into: &target)
            Self.encode(negative, into: &target)
        }
        for layout in layouts {
            HistogramRecord.encode(layout.positiveSpans, into: &target)
            HistogramRecord.encode(layout.negativeSpans, into: &target)
        }
        guard layouts.count > 1 else { return }
        var runs: [(layout: Int, rows: Int)] = []
        for layout in layoutOfRow {
            if runs.last?.layout == layout { runs[runs.count - 1].rows += 1 } else { runs.append((layout, 1)) }
        }
        target.append(varint: runs.count)
        for run in runs {
            target.append(varint: run.layout)
            target.append(varint: run.rows)
        }
    }

    private static func encode(_ indexes: Indexes, into target: inout ByteBuffer) {
        var runs: [(gap: Int64, length: Int)] = []
        var next: Int64 = 0
        for index in indexes {
            if index == next, !runs.isEmpty {
                runs[runs.count - 1].length += 1
            } else {
                runs.append((index - next, 1))
            }
            next = index + 1
        }
        target.append(varint: runs.count)
        for run in runs {
            target.append(signedVarint: run.gap)
            target.append(varint: run.length)
        }
    }

    init(_ reader: inout ByteReader, rows: Int) throws(DecodeError) {
        let schema = try reader.signedVarint()
        guard let schema = Int32(exactly: schema) else { throw DecodeError("schema \(schema)", at: reader.offset) }
        var shared = NativeHistogram(schema: schema, zeroThreshold: try reader.compactDouble())
        for _ in 0..<(try reader.length(limit: reader.remaining)) {
            shared.customValues.append(try reader.compactDouble())
        }
        let layoutCount = try reader.length(limit: rows)
        guard layoutCount > 0 else { throw DecodeError("no layout", at: reader.offset) }
        if layoutCount > 1 {
            positive = try Self.decodeIndexes(&reader)
            negative = try Self.decodeIndexes(&reader)
            bucketCount = positive.count + negative.count
        }
        for _ in 0..<layoutCount {
            var layout = shared
            layout.positiveSpans = try HistogramRecord.decodeSpans(&reader)
            layout.negativeSpans = try HistogramRecord.decodeSpans(&reader)
            try append(layout, isOnly: layoutCount == 1, at: reader.offset)
        }
        // Every bucket has a column of two bytes at least, which bounds what lying spans can make us allocate.
        guard bucketCount <= Self.bucketsMax(reader) else {
            throw DecodeError("more buckets than bytes", at: reader.offset)
        }
        layoutOfRow =
            layoutCount == 1 ? [Int](repeating: 0, count: rows) : try Self.decodeRuns(&reader, layoutCount, rows)
    }

    private static func bucketsMax(_ reader: borrowing ByteReader) -> Int {
        min(HistogramChunk.bucketsMax, reader.remaining / 2)
    }

    private mutating func append(
        _ layout: NativeHistogram, isOnly: Bool, at offset: Int
    ) throws(DecodeError) {
        let up = HistogramRecord.bucketCount(layout.positiveSpans)
        let down = HistogramRecord.bucketCount(layout.negativeSpans)
        guard up >= 0, down >= 0, up <= HistogramChunk.bucketsMax, down <= HistogramChunk.bucketsMax - up else {
            throw DecodeError("too many buckets", at: offset)
        }
        layouts.append(layout)
        positiveCounts.append(up)
        if isOnly {
            bucketCount = up + down
            places.append(Array(0..<bucketCount))
            return
        }
        guard let own = Self.indexes(layout.positiveSpans), let other = Self.indexes(layout.negativeSpans),
            let positivePlaces = Self.checkedPlaces(own, in: positive),
            let negativePlaces = Self.checkedPlaces(other, in: negative)
        else { throw DecodeError("a layout has buckets that its group has not", at: offset) }
        places.append(positivePlaces + negativePlaces.map { positive.count + $0 })
    }

    private static func checkedPlaces(_ own: Indexes, in all: Indexes) -> [Int]? {
        var at = 0
        var places: [Int] = []
        places.reserveCapacity(own.count)
        for index in own {
            while at < all.count, all[at] < index { at += 1 }
            guard at < all.count, all[at] == index else { return nil }
            places.append(at)
        }
        return places
    }

    private static func decodeIndexes(_ reader: inout ByteReader) throws(DecodeError) -> Indexes {
        var indexes: Indexes = []
        var next: Int64 = 0
        for run in 0..<(try reader.length(limit: reader.remaining / 2)) {
            let gap = try reader.signedVarint()
            let length = try reader.length(limit: HistogramChunk.bucketsMax)
            let (start, overflow) = next.addingReportingOverflow(gap)
            guard !overflow, abs(start.clamped) < 1 << 48, run == 0 || gap >= 0,
                indexes.count + length <= HistogramChunk.bucketsMax
            else { throw DecodeError("buckets out of range", at: reader.offset) }
            for i in 0..<Int64(length) { indexes.append(start + i) }
            next = start + Int64(length)
        }
        return indexes
    }

    private static func decodeRuns(
        _ reader: inout ByteReader, _ layouts: Int, _ rows: Int
    ) throws(DecodeError) -> [Int] {
        var layoutOfRow: [Int] = []
        layoutOfRow.reserveCapacity(rows)
        for _ in 0..<(try reader.length(limit: rows)) {
            let layout = try reader.length(limit: layouts - 1)
            let count = try reader.length(limit: rows - layoutOfRow.count)
            for _ in 0..<count { layoutOfRow.append(layout) }
        }
        guard layoutOfRow.count == rows else { throw DecodeError("layouts of too few rows", at: reader.offset) }
        return layoutOfRow
    }
}

extension Int64 {
    /// Itself, but for the one value that has no opposite.
    fileprivate var clamped: Int64 { Swift.max(self, -.max) }
}
