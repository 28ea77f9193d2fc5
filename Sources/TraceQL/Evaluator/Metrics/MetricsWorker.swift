import Bedrock
import Model

/// One thread's part of a scan: counts and numbers by series and interval. A value, so that adding to it needs no checks of exclusive access.
struct MetricsWorker: Sendable {
    private let scan: MetricsScan
    private let intervals: Int
    /// By the fields that name series; with buckets, these as one dimension more.
    private(set) var table: GroupTable
    /// Of each series one for each interval.
    private(set) var counts: ContiguousArray<Int64> = []
    /// Likewise: sums, minima or maxima.
    private(set) var numbers: ContiguousArray<Double> = []
    /// Likewise, `scan.exemplars` of each series: one of each stretch of intervals.
    private(set) var examples: ContiguousArray<TraceQLExemplar?> = []
    private var series = 0

    init(_ scan: MetricsScan) {
        self.scan = scan
        intervals = scan.grid.count
        table = GroupTable(dimensions: scan.by.count + (scan.purpose == .buckets ? 1 : 0))
    }

    /// - Parameter mask: rows that count; nil: all.
    mutating func take(_ block: any SpanBlock, _ mask: RowMask?) throws {
        let starts = try block.starts()
        var readers: [DimensionReader] = []
        for (dimension, field) in scan.by.enumerated() {
            readers.append(DimensionReader(try block.column(field), dimension))
        }
        let values = try scan.field.map { FieldVector.of(try block.column($0)) }
        let ids = try scan.exemplars > 0 ? block.column(.intrinsic(.traceID)) : nil
        for row in 0..<block.rowCount {
            if row & 0xFFFF == 0xFFFF { try scan.context.cancellation.check() }
            if let mask, mask[row] == 0 { continue }
            let interval = scan.grid.index(starts[row])
            if interval < 0 { continue }
            let value = values?.first(row) ?? FieldArithmetic.none
            if values != nil, !FieldArithmetic.isNumeric(value.type) { continue }
            guard let number = try self.number(row, &readers, value) else { continue }
            if number >= series { try grow(to: number + 1) }
            let place = number * intervals + interval
            counts[place] += 1
            if scan.purpose != .count { fold(Self.scaled(value), at: place) }
            if let ids { note(number, interval, value, starts[row], ids, row) }
        }
    }

    /// The row's series; nil for what is in no bucket.
    @inline(__always) private mutating func number(
        _ row: Int, _ readers: inout [DimensionReader], _ value: FieldArithmetic.Value
    ) throws -> Int? {
        var bucket: Int64?
        if scan.purpose == .buckets {
            guard let found = ValueBucket.bucket(value) else { return nil }
            bucket = found
        }
        var number: Int32 = 0
        for dimension in readers.indices {
            let value = readers[dimension].number(row, &table)
            number = dimension == 0 ? value : table.extend(number, value, dimension)
        }
        if let bucket {
            let dimension = readers.count
            let value = table.number(of: .int(bucket), dimension)
            number = dimension == 0 ? value : table.extend(number, value, dimension)
        }
        return Int(number)
    }

    /// Durations in seconds.
    @inline(__always) static func scaled(_ value: FieldArithmetic.Value) -> Double {
        value.type == .duration ? Double(value.word) / 1e9 : FieldArithmetic.double(value)
    }

    @inline(__always) private mutating func fold(_ value: Double, at place: Int) {
        switch scan.purpose {
        case .count, .buckets: return
        case .sum: numbers[place] += value
        case .min: if !(numbers[place] <= value) { numbers[place] = value }
        case .max: if !(numbers[place] >= value) { numbers[place] = value }
        }
    }

    private mutating func grow(to count: Int) throws {
        guard count <= scan.seriesMax else {
            throw TraceQLQueryError.execution(
                "the query gives more than \(scan.seriesMax) series: group by fields with fewer values")
        }
        let more = count - series
        try scan.context.budget.charge(more * intervals)
        counts.append(contentsOf: repeatElement(0, count: more * intervals))
        switch scan.purpose {
        case .count, .buckets: break
        case .sum: numbers.append(contentsOf: repeatElement(0, count: more * intervals))
        case .min, .max: numbers.append(contentsOf: repeatElement(.nan, count: more * intervals))
        }
        if scan.exemplars > 0 { examples.append(contentsOf: repeatElement(nil, count: more * scan.exemplars)) }
        series = count
    }

    private mutating func note(
        _ number: Int, _ interval: Int, _ value: FieldArithmetic.Value, _ start: Int64, _ ids: SpanColumn, _ row: Int
    ) {
        let stretch = interval * scan.exemplars / intervals
        let place = number * scan.exemplars + stretch
        guard examples[place] == nil, case .string(let text) = FieldVector.of(ids).value(row),
            let id = TraceID(hex: text)
        else { return }
        let value = value.type == .nil ? .nan : Self.scaled(value)
        examples[place] = TraceQLExemplar(traceID: id, timestamp: start, value: value)
    }

    /// Adds what another thread found.
    mutating func merge(_ other: MetricsWorker) throws {
        for theirs in 0..<other.series {
            let ours = table.number(of: other.table.tuple(theirs))
            if ours >= series { try grow(to: ours + 1) }
            for interval in 0..<intervals {
                let (from, to) = (theirs * intervals + interval, ours * intervals + interval)
                guard other.counts[from] > 0 else { continue }
                counts[to] += other.counts[from]
                if scan.purpose != .count && scan.purpose != .buckets { fold(other.numbers[from], at: to) }
            }
            for stretch in 0..<scan.exemplars where examples[ours * scan.exemplars + stretch] == nil {
                examples[ours * scan.exemplars + stretch] = other.examples[theirs * scan.exemplars + stretch]
            }
        }
    }

    /// Series that have spans.
    var seriesCount: Int { series }

    func exemplars(_ number: Int) -> [TraceQLExemplar] {
        if scan.exemplars == 0 { return [] }
        return examples[number * scan.exemplars..<(number + 1) * scan.exemplars].compactMap { $0 }
    }
}
