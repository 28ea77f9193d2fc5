import Bedrock
import LSM
import Model

/// Exemplars of some series of a segment, by series, then by time.
///
/// ```
/// ┌────────────────────────────────────────┬────────────────────────────────────┬──────────────────────────────┐
/// │ series ordinals, times (integer        │ name sets: count; each number of   │ per exemplar, per name: value│
/// │ columns), values (varint length, value │ names, names (varint length and    │ length << 1 | is hexadecimal │
/// │ column)                                │ bytes); set of each (integer column)│ (varint), bytes              │
/// └────────────────────────────────────────┴────────────────────────────────────┴──────────────────────────────┘
/// ```
/// Trace and span ids are lower-case hexadecimal and take half their digits. The block's key in the directory: first and last series
/// (varints), first and last time (svarints).
final class ExemplarBlock: Sendable {
    /// What the directory's key says.
    struct Key: Equatable {
        var series: ClosedRange<Int>
        var times: TimeRange

        func encode() -> [UInt8] {
            var bytes = ByteBuffer(capacity: 32)
            bytes.append(varint: series.lowerBound)
            bytes.append(varint: series.upperBound)
            bytes.append(signedVarint: times.start)
            bytes.append(signedVarint: times.end)
            return bytes.array()
        }

        init(series: ClosedRange<Int>, times: TimeRange) {
            self.series = series
            self.times = times
        }

        init(_ bytes: [UInt8]) throws(DecodeError) {
            var found: Key?
            var failure: DecodeError?
            bytes.withUnsafeBytes { raw in
                var reader = ByteReader(raw)
                do throws(DecodeError) {
                    let first = try reader.length(limit: 1 << 40)
                    let last = try reader.length(limit: 1 << 40)
                    guard first <= last else { throw DecodeError("series \(first) to \(last)", at: 0) }
                    let start = try reader.signedVarint()
                    found = Key(series: first...last, times: TimeRange(start, try reader.signedVarint()))
                } catch {
                    failure = error
                }
            }
            guard let found else { throw failure ?? DecodeError("no key", at: 0) }
            self = found
        }
    }

    /// Longest canonical labels of one exemplar that a block may hold: `Exemplar.labelCharactersMax` of four bytes, with lengths.
    static let labelBytesMax = 2048

    let series: [UInt32]
    private let times: [Int64]
    private let values: [Double]
    /// Canonical labels of all exemplars, one behind the other, and where each ends.
    private let labels: [UInt8]
    private let labelEnds: [Int]

    var byteCount: Int { labels.count + series.count * 28 + 128 }

    // MARK: Writing

    /// Gathers exemplars; each series after the ones before, its exemplars ascending.
    struct Builder {
        private var series: [Int] = []
        private var exemplars: [Exemplar] = []
        private var bytes = 0
        private var times = TimeRange(.max, .min)

        var count: Int { exemplars.count }
        var isFull: Bool {
            bytes >= SegmentLayout.indexBytesTarget * 2 || exemplars.count == SegmentLayout.itemsPerBlockMax
        }
        /// Of what was gathered; there must be something.
        var key: Key { Key(series: series[0]...series[series.count - 1], times: times) }

        mutating func append(_ exemplar: Exemplar, series ordinal: Int) {
            series.append(ordinal)
            exemplars.append(exemplar)
            bytes += exemplar.labels.storage.count + 16
            times = TimeRange(min(times.start, exemplar.timestamp), max(times.end, exemplar.timestamp))
        }

        /// Appends the block and starts the next one.
        mutating func finish(scratch: ColumnScratch, into target: inout ByteBuffer) {
            IntegerColumn.encode(series, scratch: scratch, into: &target)
            IntegerColumn.encode(exemplars.map(\.timestamp), scratch: scratch, into: &target)
            var column = ByteBuffer(capacity: exemplars.count * 8 + 16)
            ValueColumn.encode(exemplars.map(\.value), count: exemplars.count, scratch: scratch, into: &column)
            target.append(prefixed: column.bytes)
            var sets: [[[UInt8]]: Int] = [:]
            var order: [[[UInt8]]] = []
            let setOfEach = exemplars.map { exemplar -> Int in
                let names = exemplar.labels.list.map { Array($0.name.utf8) }
                if let known = sets[names] { return known }
                sets[names] = order.count
                order.append(names)
                return order.count - 1
            }
            target.append(varint: order.count)
            for names in order {
                target.append(varint: names.count)
                for name in names { name.withUnsafeBytes { target.append(prefixed: $0) } }
            }
            IntegerColumn.encode(setOfEach, scratch: scratch, into: &target)
            for exemplar in exemplars {
                exemplar.labels.storage.withUnsafeBytes { labels in
                    var cursor = LabelCursor(labels)
                    while cursor.next() { HexText.append(cursor.value, to: &target) }
                }
            }
            self = Builder()
        }
    }

    // MARK: Reading

    init(_ block: UnsafeRawBufferPointer, items: Range<Int>, seriesCount: Int) throws(DecodeError) {
        let count = items.count
        guard count > 0, count <= SegmentLayout.itemsPerBlockMax else {
            throw DecodeError("\(count) exemplars in a block", at: 0)
        }
        var reader = ByteReader(block)
        series = try IntegerColumn.decodeIndexes(&reader, count: count, limit: seriesCount)
        times = try IntegerColumn.decodeArray(&reader, count: count)
        var values = [Double](repeating: 0, count: count)
        try ValueColumn.decode(try reader.prefixed(), count: count, into: &values)
        self.values = values
        let sets = try Self.decodeNames(&reader)
        let setOfEach = try IntegerColumn.decodeIndexes(&reader, count: count, limit: sets.count)
        var labels = ByteBuffer(capacity: block.count * 2)
        var ends: [Int] = []
        ends.reserveCapacity(count)
        for set in setOfEach {
            let start = labels.count
            for name in sets[Int(set)] {
                name.withUnsafeBytes { labels.append(prefixed: $0) }
                try HexText.read(&reader, into: &labels)
                guard labels.count - start <= Self.labelBytesMax else {
                    throw DecodeError("labels of an exemplar are too long", at: reader.offset)
                }
            }
            guard isCanonical(UnsafeRawBufferPointer(rebasing: labels.bytes[start...])) else {
                throw DecodeError("labels of an exemplar are not canonical", at: reader.offset)
            }
            ends.append(labels.count)
        }
        guard reader.isAtEnd else { throw DecodeError("bytes behind the last exemplar", at: reader.offset) }
        for i in series.indices.dropFirst() where (series[i - 1], times[i - 1]) > (series[i], times[i]) {
            throw DecodeError("exemplars don't ascend", at: 0)
        }
        self.labels = labels.array()
        labelEnds = ends
    }

    private static func decodeNames(_ reader: inout ByteReader) throws(DecodeError) -> [[[UInt8]]] {
        var sets: [[[UInt8]]] = []
        for _ in 0..<(try reader.length(limit: reader.remaining)) {
            var names: [[UInt8]] = []
            for _ in 0..<(try reader.length(limit: reader.remaining)) { names.append(Array(try reader.prefixed())) }
            sets.append(names)
        }
        return sets
    }

    /// Positions of the exemplars of a series.
    func exemplars(of ordinal: Int) -> Range<Int> {
        func first(atLeast wanted: Int) -> Int {
            var low = 0
            var high = series.count
            while low < high {
                let middle = (low + high) >> 1
                if Int(series[middle]) < wanted { low = middle + 1 } else { high = middle }
            }
            return low
        }
        return first(atLeast: ordinal)..<first(atLeast: ordinal + 1)
    }

    /// The exemplar at a position, if its timestamp is in the range.
    func exemplar(_ at: Int, in range: TimeRange) -> Exemplar? {
        guard range.contains(times[at]) else { return nil }
        let start = at == 0 ? 0 : labelEnds[at - 1]
        return Exemplar(
            labels: Labels(canonical: Array(labels[start..<labelEnds[at]])), value: values[at], timestamp: times[at])
    }
}

/// Texts of which many are lower-case hexadecimal: varint of length << 1 | is hexadecimal, then bytes, two digits each in that case.
private enum HexText {
    static func append(_ text: UnsafeRawBufferPointer, to target: inout ByteBuffer) {
        let isHex = text.count % 2 == 0 && text.allSatisfy { digit($0) != nil }
        target.append(varint: text.count << 1 | (isHex ? 1 : 0))
        guard isHex else { return target.append(text) }
        for i in stride(from: 0, to: text.count, by: 2) {
            target.append((digit(text[i]) ?? 0) << 4 | (digit(text[i + 1]) ?? 0))
        }
    }

    /// Appends a text with its length as canonical labels have it.
    static func read(_ reader: inout ByteReader, into target: inout ByteBuffer) throws(DecodeError) {
        let head = try reader.length(limit: ExemplarBlock.labelBytesMax << 1)
        let length = head >> 1
        target.append(varint: length)
        guard head & 1 == 1 else { return target.append(try reader.take(length)) }
        guard length % 2 == 0 else { throw DecodeError("half a hexadecimal byte", at: reader.offset) }
        for byte in try reader.take(length / 2) {
            target.append(text(byte >> 4))
            target.append(text(byte & 15))
        }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    private static func text(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }
}
