import Bedrock
import Client
import Model

/// A series ready to be drawn.
public struct DisplaySeries: Equatable, Sendable {
    public var name: String
    public var labels: Labels
    public var settings: FieldSettings
    /// Milliseconds since the epoch.
    public var times: [Int64]
    /// NaN where a value is missing.
    public var values: [Double]
    /// Its colour where that doesn't depend on the value.
    public var color: RGBColor
    public var query: String

    public func reduced(_ calculation: String) -> Double { Reduction.apply(calculation, values) }
}

/// A column of a table ready to be drawn.
public struct DisplayColumn: Equatable, Sendable {
    public var name: String
    public var settings: FieldSettings
    public var values: FieldValues
}

/// What a panel shows: its answers, transformed and named.
public struct PanelContent: Equatable, Sendable {
    public var series: [DisplaySeries] = []
    public var columns: [DisplayColumn] = []
    /// Entries of log queries, newest first.
    public var entries = LogTable()
    /// Transformations that were passed over, and the like.
    public var notes: [String] = []
    public var warnings: [String] = []

    public init() {}

    public var isEmpty: Bool { series.isEmpty && rowCount == 0 && entries.isEmpty }

    public var rowCount: Int { columns.map(\.values.count).max() ?? 0 }

    /// - Parameters:
    ///   - answers: by target.
    ///   - entries: of log queries, by target.
    public init(
        _ panel: Panel, plan: PanelPlan, answers: [String: QueryAnswer], entries tables: [String: LogTable] = [:]
    ) {
        let isAlone = plan.queries.count == 1
        var frames: [DataFrame] = []
        for query in plan.queries {
            if let table = tables[query.target] { take(table, panel, query, into: &frames) }
            guard let answer = answers[query.target] else { continue }
            frames += FrameBuilder.frames(query, answer, isAlone: isAlone)
            warnings += answer.warnings
        }
        let transformed = Transformations.apply(panel.transformations, to: frames)
        frames = transformed.frames
        for id in transformed.unknown { notes.append("transformation \(id) is not applied") }
        let styles = FieldStyles(panel)
        if panel.kind == .table { makeColumns(panel, frames, styles) } else { makeSeries(frames, styles) }
    }

    /// Logs panels show entries as they are, tables as rows; no other kind has a use for them.
    private mutating func take(_ table: LogTable, _ panel: Panel, _ query: PlannedQuery, into frames: inout [DataFrame])
    {
        switch panel.kind {
        case .logs:
            entries.append(contentsOf: table)
            if panel.targets.count > 1 { entries.sort(.backward) }
        case .table: frames.append(FrameBuilder.entries(query, table))
        default: notes.append("\(query.target): log entries are for logs panels and tables")
        }
    }

    private mutating func makeSeries(_ frames: [DataFrame], _ styles: FieldStyles) {
        var index = 0
        for frame in frames {
            let times = frame.fields.compactMap(\.times).first
            let texts = frame.fields.first { if case .texts = $0.values { true } else { false } }
            for field in frame.fields {
                guard let numbers = field.numbers else { continue }
                // A frame without time holds one series a row, named by its first text.
                let isTable = times == nil || (texts != nil && times.map { Set($0).count <= 1 } ?? true)
                if isTable, let texts {
                    for (row, value) in numbers.enumerated() {
                        append(field, frame.query, texts.values.key(row), [times?[row] ?? 0], [value], styles, &index)
                    }
                } else {
                    append(
                        field, frame.query, field.displayName, times ?? [Int64](repeating: 0, count: numbers.count),
                        numbers, styles, &index)
                }
            }
        }
    }

    private mutating func append(
        _ field: DataField, _ query: String, _ name: String, _ times: [Int64], _ values: [Double],
        _ styles: FieldStyles, _ index: inout Int
    ) {
        let settings = styles.settings(name: name, field: field, query: query)
        guard settings.isHidden != true else { return }
        let shown = LegendFormat.displayName(settings.displayName ?? name, name: name, labels: field.labels)
        let color = settings.colorMode == "fixed" || settings.colorMode == "shades" ? settings.fixedColor : nil
        series.append(
            DisplaySeries(
                name: shown, labels: field.labels, settings: settings, times: times,
                values: settings.isNegated == true ? values.map { -$0 } : values, color: color ?? .ofSeries(index),
                query: query))
        index += 1
    }

    private mutating func makeColumns(_ panel: Panel, _ frames: [DataFrame], _ styles: FieldStyles) {
        // A table shows one frame; series that nothing has joined become rows of one.
        var frame: DataFrame
        if frames.count == 1 {
            frame = frames[0]
        } else if let merged = FrameJoin.merge(frames).first {
            frame = merged
        } else {
            return
        }
        for key in panel.options.sorting.reversed() {
            // Sorting goes by what the column is called in the end.
            let named = frame.fields.first { field in
                (styles.settings(name: field.displayName, field: field, query: frame.query).displayName
                    ?? field.displayName) == key.field
            }
            frame = FrameRows.sort(frame, by: named?.displayName ?? key.field, descending: key.isDescending)
        }
        for field in frame.fields {
            let settings = styles.settings(name: field.displayName, field: field, query: frame.query)
            guard settings.isHidden != true else { continue }
            columns.append(
                DisplayColumn(name: settings.displayName ?? field.displayName, settings: settings, values: field.values)
            )
        }
    }
}

/// The field settings of a panel, with its patterns compiled.
struct FieldStyles {
    private let config: FieldConfig
    private let expressions: [RegularExpression?]

    init(_ panel: Panel) {
        config = panel.fields
        expressions = panel.fields.overrides.map { override in
            if case .pattern(let pattern) = override.matcher {
                try? RegularExpression(pattern, anchored: false)
            } else {
                nil
            }
        }
    }

    /// Defaults with every matching override over them.
    func settings(name: String, field: DataField, query: String) -> FieldSettings {
        var result = config.defaults
        // Labels and times are not in the panel's unit.
        if field.numbers == nil { result.unit = nil }
        for (index, override) in config.overrides.enumerated() where matches(override, index, name, field, query) {
            result = result.overlaid(by: override.settings)
        }
        return result
    }

    private func matches(_ override: FieldOverride, _ index: Int, _ name: String, _ field: DataField, _ query: String)
        -> Bool
    {
        switch override.matcher {
        case .name(let wanted): wanted == name || (wanted == field.name && field.legend == nil)
        case .names(let wanted): wanted.contains(name)
        case .pattern: expressions[index]?.matches(name) ?? false
        case .type(let type): type == field.values.typeName
        case .query(let wanted): wanted == query
        case .unknown: false
        }
    }
}
