import Bedrock
import Formats
import Model

/// Applies a panel's transformations in order. What isn't known leaves the frames as they are and is told.
public enum Transformations {
    /// - Returns: the frames, and the ids that were passed over.
    public static func apply(_ steps: [Transformation], to frames: [DataFrame]) -> (
        frames: [DataFrame], unknown: [String]
    ) {
        var current = frames
        var unknown: [String] = []
        for step in steps where !step.isDisabled {
            if let next = apply(step, current) { current = next } else { unknown.append(step.id) }
        }
        return (current, unknown)
    }

    private static func apply(_ step: Transformation, _ frames: [DataFrame]) -> [DataFrame]? {
        let options = step.options
        switch step.id {
        case "merge": return FrameJoin.merge(frames)
        case "joinByField", "seriesToColumns": return FrameJoin.outer(frames, by: options["byField"]?.string)
        case "concatenate": return [DataFrame(query: "", fields: frames.flatMap(\.fields))]
        case "seriesToRows": return seriesToRows(frames)
        case "organize": return frames.map { organize($0, options) }
        case "filterFieldsByName": return filterFields(frames, options)
        case "filterByRefId", "filterFramesByRefId": return filterByQuery(frames, options)
        case "filterByValue": return frames.map { FrameRows.filter($0, options) }
        case "sortBy": return frames.map { FrameRows.sort($0, options) }
        case "limit":
            return frames.map { $0.picking(Array(0..<min($0.rowCount, max(0, options["limitField"]?.int ?? 10)))) }
        case "reduce": return FrameRows.reduce(frames, options)
        case "groupBy": return frames.map { FrameRows.group($0, options) }
        case "labelsToFields": return labelsToFields(frames, options)
        case "renameByRegex": return renameByPattern(frames, options)
        case "calculateField": return frames.map { FrameCalculation.apply($0, options) }
        // These change types or layouts that are found out here anyway.
        case "convertFieldType", "prepareTimeSeries", "formatTime", "formatString", "heatmap", "configFromData":
            return frames
        default: return nil
        }
    }

    // MARK: columns

    static func organize(_ frame: DataFrame, _ options: JSONValue) -> DataFrame {
        let excluded = options["excludeByName"]
        let included = options["includeByName"]?.object.flatMap { $0.members.isEmpty ? nil : $0 }
        let places = options["indexByName"]
        let names = options["renameByName"]
        func named(_ table: JSONValue?, _ field: DataField) -> JSONValue? {
            table?[field.displayName] ?? table?[field.name]
        }
        var fields = frame.fields.filter { field in
            if named(excluded, field)?.bool == true { return false }
            guard let included else { return true }
            return (included[field.displayName] ?? included[field.name])?.bool == true
        }
        let placed = fields.enumerated().sorted { a, b in
            let left = named(places, a.element)?.number ?? .infinity
            let right = named(places, b.element)?.number ?? .infinity
            return left == right ? a.offset < b.offset : left < right
        }
        fields = placed.map { entry in
            var field = entry.element
            if let name = named(names, field)?.string, !name.isEmpty { field.legend = name }
            return field
        }
        return DataFrame(query: frame.query, fields: fields)
    }

    private static func filterFields(_ frames: [DataFrame], _ options: JSONValue) -> [DataFrame] {
        let include = NameFilter(options["include"])
        let exclude = NameFilter(options["exclude"])
        return frames.map { frame in
            var result = frame
            result.fields = frame.fields.filter { field in
                if include.isSet, !include.matches(field.displayName), !include.matches(field.name) { return false }
                return !(exclude.isSet && (exclude.matches(field.displayName) || exclude.matches(field.name)))
            }
            return result
        }.filter { !$0.fields.isEmpty }
    }

    /// `{names: […]}` or `{pattern: "…"}`.
    private struct NameFilter {
        let names: Set<String>
        let expression: RegularExpression?

        init(_ value: JSONValue?) {
            names = Set(value?["names"]?.array?.compactMap(\.string) ?? [])
            expression = value?["pattern"]?.string.flatMap {
                $0.isEmpty ? nil : try? RegularExpression(FieldReader.stripSlashes($0), anchored: false)
            }
        }

        var isSet: Bool { !names.isEmpty || expression != nil }
        func matches(_ name: String) -> Bool { names.contains(name) || expression?.matches(name) ?? false }
    }

    private static func filterByQuery(_ frames: [DataFrame], _ options: JSONValue) -> [DataFrame] {
        guard let pattern = options["include"]?.string,
            let expression = try? RegularExpression(FieldReader.stripSlashes(pattern), anchored: true)
        else { return frames }
        return frames.filter { expression.matches($0.query) }
    }

    private static func renameByPattern(_ frames: [DataFrame], _ options: JSONValue) -> [DataFrame] {
        guard let pattern = options["regex"]?.string, let replacement = options["renamePattern"]?.string,
            let expression = try? RegularExpression(FieldReader.stripSlashes(pattern), anchored: false)
        else { return frames }
        return frames.map { frame in
            var result = frame
            for index in result.fields.indices where result.fields[index].times == nil {
                let name = result.fields[index].displayName
                if let renamed = expression.replacingFirst(in: name, with: replacement) {
                    result.fields[index].legend = renamed
                }
            }
            return result
        }
    }

    // MARK: series

    /// One frame of time, metric and value.
    private static func seriesToRows(_ frames: [DataFrame]) -> [DataFrame] {
        var times: [Int64] = []
        var names: [String] = []
        var values: [Double] = []
        for frame in frames {
            guard let time = frame.fields.compactMap(\.times).first else { continue }
            for field in frame.fields {
                guard let numbers = field.numbers else { continue }
                for (row, value) in numbers.enumerated() where row < time.count {
                    times.append(time[row])
                    names.append(field.displayName)
                    values.append(value)
                }
            }
        }
        let whole = DataFrame(
            query: "",
            fields: [
                DataField("Time", .times(times)), DataField("Metric", .texts(names)),
                DataField("Value", .numbers(values)),
            ])
        return [whole.picking(times.indices.sorted { times[$0] > times[$1] })]
    }

    /// Labels become columns; the values of series with other labels follow one another.
    private static func labelsToFields(_ frames: [DataFrame], _ options: JSONValue) -> [DataFrame] {
        let valueLabel = options["valueLabel"]?.string
        let keep = options["keepLabels"]?.array?.compactMap(\.string)
        let wide = frames.map { frame -> DataFrame in
            var fields: [DataField] = []
            let rows = frame.rowCount
            for field in frame.fields {
                guard field.numbers != nil, !field.labels.isEmpty else {
                    fields.append(field)
                    continue
                }
                for label in field.labels.list
                where label.name != Labels.metricName && label.name != valueLabel && keep?.contains(label.name) ?? true
                {
                    if fields.contains(where: { $0.name == label.name }) { continue }
                    fields.append(DataField(label.name, .texts([String](repeating: label.value, count: rows))))
                }
                let name = valueLabel.flatMap { field.labels[$0] } ?? field.labels[Labels.metricName] ?? "Value"
                fields.append(DataField(name, field.values))
            }
            return DataFrame(query: frame.query, fields: fields)
        }
        return FrameJoin.merge(wide)
    }
}

extension RegularExpression {
    /// The text with its first match replaced by a template with `$1`, `$name`; nil where nothing matches.
    func replacingFirst(in text: String, with template: String) -> String? {
        guard let replacement = expand(template, matching: text) else { return nil }
        var copy = text
        return copy.withUTF8 { buffer -> String? in
            let raw = UnsafeRawBufferPointer(buffer)
            guard let whole = captures(raw)?.first ?? nil else { return nil }
            return String(decoding: raw[..<whole.lowerBound], as: UTF8.self) + replacement
                + String(decoding: raw[whole.upperBound...], as: UTF8.self)
        }
    }
}
