import Formats
import Glibc

/// Transformations over the rows of frames.
enum FrameRows {
    static func sort(_ frame: DataFrame, _ options: JSONValue) -> DataFrame {
        guard let key = options["sort"]?[0], let name = key["field"]?.string else { return frame }
        return sort(frame, by: name, descending: key["desc"]?.bool ?? false)
    }

    /// Stable; missing values come last.
    static func sort(_ frame: DataFrame, by name: String, descending: Bool) -> DataFrame {
        guard let field = frame.field(named: name) else { return frame }
        let rows = Array(0..<frame.rowCount)
        func ordered<T>(_ precedes: (T, T) -> Bool, _ values: [T], _ isMissing: (T) -> Bool) -> [Int] {
            rows.sorted { a, b in
                guard a < values.count, b < values.count else { return a < b }
                if isMissing(values[a]) != isMissing(values[b]) { return isMissing(values[b]) }
                if precedes(values[a], values[b]) { return !descending }
                if precedes(values[b], values[a]) { return descending }
                return a < b
            }
        }
        switch field.values {
        case .times(let values): return frame.picking(ordered(<, values, { _ in false }))
        case .numbers(let values): return frame.picking(ordered(<, values, \.isNaN))
        case .texts(let values): return frame.picking(ordered(<, values, \.isEmpty))
        }
    }

    static func filter(_ frame: DataFrame, _ options: JSONValue) -> DataFrame {
        let filters = options["filters"]?.array ?? []
        guard !filters.isEmpty else { return frame }
        let includes = options["type"]?.string != "exclude"
        let matchesAll = options["match"]?.string == "all"
        let rows = (0..<frame.rowCount).filter { row in
            let hits = filters.lazy.map { matches(frame, row, $0) }
            let isHit = matchesAll ? hits.allSatisfy { $0 } : hits.contains(true)
            return isHit == includes
        }
        return frame.picking(rows)
    }

    private static func matches(_ frame: DataFrame, _ row: Int, _ filter: JSONValue) -> Bool {
        guard let name = filter["fieldName"]?.string, let field = frame.field(named: name),
            let config = filter["config"]
        else { return false }
        let limit = config["options"]?["value"]
        let text = field.values.key(row)
        let value = field.numbers.flatMap { row < $0.count ? $0[row] : nil } ?? Double(text) ?? .nan
        let bound = limit?.number ?? limit?.string.flatMap(Double.init) ?? .nan
        switch config["id"]?.string {
        case "greater": return value > bound
        case "greaterOrEqual": return value >= bound
        case "lower": return value < bound
        case "lowerOrEqual": return value <= bound
        case "equal": return limit?.string.map { $0 == text } ?? (value == bound)
        case "notEqual": return !(limit?.string.map { $0 == text } ?? (value == bound))
        case "isNull": return value.isNaN && (field.numbers != nil || text.isEmpty)
        case "isNotNull": return !(value.isNaN && (field.numbers != nil || text.isEmpty))
        default: return true
        }
    }

    /// Each series to a row (the default), or each frame to one row of its own columns.
    static func reduce(_ frames: [DataFrame], _ options: JSONValue) -> [DataFrame] {
        let names = options["reducers"]?.array?.compactMap(\.string) ?? ["max"]
        if options["mode"]?.string == "reduceFields" {
            return frames.map { frame in
                DataFrame(
                    query: frame.query,
                    fields: frame.fields.compactMap { field in
                        field.numbers.map {
                            DataField(
                                field.name, .numbers([Reduction.apply(names.first ?? "lastNotNull", $0)]),
                                labels: field.labels, legend: field.legend)
                        }
                    })
            }
        }
        var titles: [String] = []
        var columns = [[Double]](repeating: [], count: names.count)
        for field in frames.flatMap(\.fields) {
            guard let numbers = field.numbers else { continue }
            titles.append(field.displayName)
            for (index, name) in names.enumerated() { columns[index].append(Reduction.apply(name, numbers)) }
        }
        let fields = zip(names, columns).map { DataField(Reduction.title($0), .numbers($1)) }
        return [DataFrame(query: "", fields: [DataField("Field", .texts(titles))] + fields)]
    }

    static func group(_ frame: DataFrame, _ options: JSONValue) -> DataFrame {
        guard let settings = options["fields"]?.object else { return frame }
        func setting(_ field: DataField) -> JSONValue? { settings[field.displayName] ?? settings[field.name] }
        let keys = frame.fields.filter { setting($0)?["operation"]?.string == "groupby" }
        guard !keys.isEmpty else { return frame }
        var groups: [String: Int] = [:]
        var rows: [[Int]] = []
        for row in 0..<frame.rowCount {
            let key = keys.map { $0.values.key(row) }.joined(separator: "\u{1F}")
            if let known = groups[key] {
                rows[known].append(row)
            } else {
                groups[key] = rows.count
                rows.append([row])
            }
        }
        var fields = keys.map {
            DataField($0.name, $0.values.picking(rows.map { $0[0] }), labels: $0.labels, legend: $0.legend)
        }
        for field in frame.fields {
            guard setting(field)?["operation"]?.string == "aggregate", let numbers = field.numbers else { continue }
            for name in setting(field)?["aggregations"]?.array?.compactMap(\.string) ?? [] {
                let values = rows.map { group in
                    Reduction.apply(name, group.compactMap { $0 < numbers.count ? numbers[$0] : nil })
                }
                fields.append(DataField(field.displayName + " (" + name + ")", .numbers(values)))
            }
        }
        return DataFrame(query: frame.query, fields: fields)
    }
}

/// A column made of others.
enum FrameCalculation {
    static func apply(_ frame: DataFrame, _ options: JSONValue) -> DataFrame {
        let rows = frame.rowCount
        guard
            let computed = options["mode"]?.string == "binary"
                ? binary(frame, options["binary"], rows) : reduceRow(frame, options["reduce"], rows)
        else { return frame }
        let name = options["alias"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? computed.name
        var result = frame
        if options["replaceFields"]?.bool == true { result.fields.removeAll { $0.numbers != nil } }
        result.fields.append(DataField(name, .numbers(computed.values)))
        return result
    }

    private static func binary(_ frame: DataFrame, _ options: JSONValue?, _ rows: Int) -> (
        name: String, values: [Double]
    )? {
        guard let left = operand(frame, options?["left"], rows), let right = operand(frame, options?["right"], rows)
        else { return nil }
        let sign = options?["operator"]?.string ?? "+"
        let values = zip(left.values, right.values).map { a, b -> Double in
            switch sign {
            case "-": a - b
            case "*": a * b
            case "/": a / b
            case "%": fmod(a, b)
            case "**": pow(a, b)
            default: a + b
            }
        }
        return (left.name + " " + sign + " " + right.name, values)
    }

    /// A column's name, a number, or (since Grafana 11) `{matcher: {id: "byName", options: …}}` or `{fixed: …}`.
    private static func operand(_ frame: DataFrame, _ value: JSONValue?, _ rows: Int) -> (
        name: String, values: [Double]
    )? {
        let text =
            value?.string ?? value?["matcher"]?["options"]?.string ?? value?["fixed"]?.string ?? value?.number.map {
                String($0)
            } ?? ""
        if let field = frame.field(named: text), let numbers = field.numbers { return (text, numbers) }
        return Double(text).map { (text, [Double](repeating: $0, count: rows)) }
    }

    private static func reduceRow(_ frame: DataFrame, _ options: JSONValue?, _ rows: Int) -> (
        name: String, values: [Double]
    )? {
        let names = options?["include"]?.array?.compactMap(\.string) ?? []
        let columns = frame.fields.filter { names.isEmpty || names.contains($0.displayName) }.compactMap(\.numbers)
        guard !columns.isEmpty else { return nil }
        let reducer = options?["reducer"]?.string ?? "sum"
        let values = (0..<rows).map { row in
            Reduction.apply(reducer, columns.compactMap { row < $0.count ? $0[row] : nil })
        }
        return (Reduction.title(reducer), values)
    }
}
