import Client
import Model

/// Values of one column. NaN is a missing number.
public enum FieldValues: Equatable, Sendable {
    /// Milliseconds since the epoch.
    case times([Int64])
    case numbers([Double])
    case texts([String])

    public var count: Int {
        switch self {
        case .times(let values): values.count
        case .numbers(let values): values.count
        case .texts(let values): values.count
        }
    }

    /// A row as text, for joining and comparing.
    func key(_ row: Int) -> String {
        switch self {
        case .times(let values): row < values.count ? String(values[row]) : ""
        case .numbers(let values): row < values.count ? String(values[row]) : ""
        case .texts(let values): row < values.count ? values[row] : ""
        }
    }

    /// The rows at `indices`, a negative index being a missing value.
    func picking(_ indices: [Int]) -> FieldValues {
        switch self {
        case .times(let values): .times(indices.map { $0 >= 0 && $0 < values.count ? values[$0] : 0 })
        case .numbers(let values): .numbers(indices.map { $0 >= 0 && $0 < values.count ? values[$0] : .nan })
        case .texts(let values): .texts(indices.map { $0 >= 0 && $0 < values.count ? values[$0] : "" })
        }
    }

    func appending(_ other: FieldValues) -> FieldValues {
        switch (self, other) {
        case (.times(let a), .times(let b)): .times(a + b)
        case (.numbers(let a), .numbers(let b)): .numbers(a + b)
        default: .texts((0..<count).map(key) + (0..<other.count).map(other.key))
        }
    }

    /// So many missing values of the same kind.
    func missing(_ count: Int) -> FieldValues { picking([Int](repeating: -1, count: count)) }

    var typeName: String {
        switch self {
        case .times: "time"
        case .numbers: "number"
        case .texts: "string"
        }
    }
}

/// A named column.
public struct DataField: Equatable, Sendable {
    public var name: String
    public var labels: Labels
    public var values: FieldValues
    /// What the query's legend calls it; shown instead of the name.
    public var legend: String?

    public init(_ name: String, _ values: FieldValues, labels: Labels = .empty, legend: String? = nil) {
        self.name = name
        self.labels = labels
        self.values = values
        self.legend = legend
    }

    /// What people, overrides and transformations know it by.
    public var displayName: String { legend ?? name }

    public var numbers: [Double]? { if case .numbers(let values) = values { values } else { nil } }
    public var times: [Int64]? { if case .times(let values) = values { values } else { nil } }
}

/// Columns of equal length, as a query or a transformation makes them.
public struct DataFrame: Equatable, Sendable {
    /// Target that it came from; empty behind a transformation that mixes them.
    public var query: String
    public var fields: [DataField]

    public init(query: String, fields: [DataField]) {
        self.query = query
        self.fields = fields
    }

    public var rowCount: Int { fields.map(\.values.count).max() ?? 0 }

    func field(named name: String) -> DataField? { fields.first { $0.displayName == name || $0.name == name } }

    func picking(_ rows: [Int]) -> DataFrame {
        DataFrame(
            query: query,
            fields: fields.map { DataField($0.name, $0.values.picking(rows), labels: $0.labels, legend: $0.legend) })
    }
}

/// Turns answers into frames.
public enum FrameBuilder {
    /// Points of one series that are kept, whatever a server sends.
    static let pointsMax = 50_000

    /// - Parameter isAlone: the panel has one query, whose value column is just called Value.
    public static func frames(_ query: PlannedQuery, _ answer: QueryAnswer, isAlone: Bool) -> [DataFrame] {
        switch answer.result {
        case .matrix(let table): return series(query, table)
        case .vector(let table):
            return query.format == .table ? [Self.table(query, table, isAlone: isAlone)] : series(query, table)
        case .scalar(let sample):
            var table = SeriesTable()
            table.append(.empty, [sample])
            return query.format == .table ? [Self.table(query, table, isAlone: isAlone)] : series(query, table)
        case .string(let timestamp, let text):
            return [
                DataFrame(
                    query: query.target,
                    fields: [DataField("Time", .times([timestamp])), DataField("Value", .texts([text]))])
            ]
        }
    }

    /// One frame of log entries: time, line, a column for each label of a stream.
    public static func entries(_ query: PlannedQuery, _ table: LogTable) -> DataFrame {
        let rows = table.rows.indices.prefix(pointsMax)
        let names = Set(table.streams.flatMap { $0.list.map(\.name) }).sorted()
        var fields = [
            DataField("Time", .times(rows.map { table.rows[$0].timestamp / 1_000_000 })),
            DataField("Line", .texts(rows.map(table.text))),
        ]
        for name in names { fields.append(DataField(name, .texts(rows.map { table.labels($0)[name] ?? "" }))) }
        return DataFrame(query: query.target, fields: fields)
    }

    /// A frame for each series, all of a range query on the same grid of times.
    private static func series(_ query: PlannedQuery, _ table: SeriesTable) -> [DataFrame] {
        var grid: [Int64] = []
        if case .range(let start, let end, let step) = query.timing, step > 0 {
            let count = min(pointsMax, Int(max(0, (end - start) / step)) + 1)
            grid = (0..<count).map { start + Int64($0) * step }
        }
        return (0..<table.count).map { index in
            let labels = table.labels[index]
            let points = table.points(index)
            let name = LegendFormat.name(query.legend, labels, expression: query.expression)
            let times: [Int64]
            let values: [Double]
            if case .range(let start, _, let step) = query.timing, !grid.isEmpty {
                times = grid
                values = dense(table, points, start: start, step: step, count: grid.count)
            } else {
                times = Array(table.timestamps[points])
                values = Array(table.values[points])
            }
            return DataFrame(
                query: query.target,
                fields: [
                    DataField("Time", .times(times)),
                    DataField("Value", .numbers(values), labels: labels, legend: name),
                ])
        }
    }

    private static func dense(_ table: SeriesTable, _ points: Range<Int>, start: Int64, step: Int64, count: Int)
        -> [Double]
    {
        var values = [Double](repeating: .nan, count: count)
        for point in points {
            let (distance, overflow) = table.timestamps[point].subtractingReportingOverflow(start)
            guard !overflow, distance >= 0 else { continue }
            let index = distance / step
            if index < Int64(count) { values[Int(index)] = table.values[point] }
        }
        return values
    }

    /// One frame: time, a column for each label, the value.
    private static func table(_ query: PlannedQuery, _ table: SeriesTable, isAlone: Bool) -> DataFrame {
        let names = Set(table.labels.flatMap { $0.list.map(\.name) }).sorted()
        var times: [Int64] = []
        var values: [Double] = []
        for index in 0..<table.count {
            let last = table.points(index).last
            times.append(last.map { table.timestamps[$0] } ?? 0)
            values.append(last.map { table.values[$0] } ?? .nan)
        }
        var fields = [DataField("Time", .times(times))]
        for name in names { fields.append(DataField(name, .texts(table.labels.map { $0[name] ?? "" }))) }
        fields.append(DataField(isAlone ? "Value" : "Value #" + query.target, .numbers(values)))
        return DataFrame(query: query.target, fields: fields)
    }
}
