import Formats

/// Reads one panel, new or old.
enum PanelReader {
    static func count(_ panels: [Panel]) -> Int { panels.reduce(0) { $0 + 1 + count($1.children) } }

    static func read(_ node: DocumentNode) -> Panel { read(node, depth: 0) }

    private static func read(_ node: DocumentNode, depth: Int) -> Panel {
        var panel = Panel()
        guard node.isObject else {
            node.note("a panel is an object")
            panel.kind = .unknown("?")
            return panel
        }
        let type = node["type"].looseString ?? ""
        panel.id = node["id"].int ?? 0
        panel.kind = kind(type)
        panel.title = node["title"].looseString ?? ""
        panel.description = node["description"].looseString ?? ""
        panel.grid = grid(node["gridPos"])
        panel.dataSource = dataSource(node["datasource"]) ?? .standard
        panel.targets = node["targets"].exists ? targets(node["targets"], panel.dataSource) : []
        panel.interval = node["interval"].looseString
        panel.maxDataPoints = node["maxDataPoints"].int
        panel.timeFrom = node["timeFrom"].looseString
        panel.timeShift = node["timeShift"].looseString
        panel.repeatVariable = node["repeat"].looseString.flatMap { $0.isEmpty ? nil : $0 }
        panel.repeatsDown = node["repeatDirection"].looseString == "v"
        panel.repeatsPerRowMax = max(1, min(GridPosition.columns, node["maxPerRow"].int ?? 4))
        panel.fields = FieldReader.read(node["fieldConfig"])
        panel.options = OptionsReader.read(node["options"], type)
        panel.transformations = node["transformations"].exists ? transformations(node["transformations"]) : []
        panel.isCollapsed = node["collapsed"].value?.bool ?? false
        if panel.kind == .row, node["panels"].exists, depth == 0 {
            panel.children = node["panels"].list.map { read($0, depth: 1) }
        }
        LegacyPanels.upgrade(&panel, node, type)
        return panel
    }

    static func kind(_ type: String) -> PanelKind {
        switch type {
        case "timeseries", "graph", "trend": .timeSeries
        case "stat", "singlestat": .stat
        case "gauge": .gauge
        case "bargauge": .barGauge
        case "table", "table-old": .table
        case "text": .text
        case "heatmap", "heatmap-new": .heatmap
        case "histogram": .histogram
        case "logs": .logs
        case "row": .row
        default: .unknown(type)
        }
    }

    private static func grid(_ node: DocumentNode) -> GridPosition {
        guard node.exists else { return GridPosition(x: 0, y: 0, width: 12, height: 8) }
        let columns = GridPosition.columns
        let x = max(0, min(columns - 1, node["x"].int ?? 0))
        return GridPosition(
            x: x, y: max(0, min(1_000_000, node["y"].int ?? 0)), width: max(1, min(columns - x, node["w"].int ?? 12)),
            height: max(1, min(1_000, node["h"].int ?? 8)))
    }

    /// A name, an object with type and uid, or nothing.
    static func dataSource(_ node: DocumentNode) -> DataSource? {
        if let name = node.value?.string { return DataSource(type: "", name: name) }
        guard node.isObject else { return nil }
        return DataSource(type: node["type"].looseString ?? "", name: node["uid"].looseString ?? "")
    }

    private static func targets(_ node: DocumentNode, _ panelSource: DataSource) -> [Target] {
        node.list.enumerated().map { index, node in
            var target = Target()
            target.id = node["refId"].looseString ?? letters(index)
            // Loki's and Prometheus' are `expr`, Tempo's `query`.
            target.expression = node["expr"].looseString ?? node["query"].value?.string ?? ""
            target.legend = node["legendFormat"].looseString ?? ""
            // Loki's say it by a word.
            target.isInstant = node["instant"].value?.bool ?? (node["queryType"].looseString == "instant")
            target.linesMax = node["maxLines"].int.map { max(1, min(5_000, $0)) }
            target.isRange = node["range"].value?.bool ?? !target.isInstant
            target.format = node["format"].value?.string.flatMap { Target.Format(rawValue: $0) } ?? .timeSeries
            target.interval = node["interval"].looseString.flatMap { $0.isEmpty ? nil : $0 }
            target.intervalFactor = max(1, min(100, node["intervalFactor"].int ?? 1))
            target.isHidden = node["hide"].value?.bool ?? false
            target.dataSource = dataSource(node["datasource"]) ?? (panelSource.isMixed ? .standard : panelSource)
            return target
        }
    }

    /// A, B, … Z, AA, AB, …
    private static func letters(_ index: Int) -> String {
        let last = String(Character(Unicode.Scalar(UInt8(65 + index % 26))))
        return index < 26 ? last : letters(index / 26 - 1) + last
    }

    private static func transformations(_ node: DocumentNode) -> [Transformation] {
        node.list.map { node in
            Transformation(
                id: node["id"].looseString ?? "", options: node["options"].value ?? .null,
                isDisabled: node["disabled"].value?.bool ?? false)
        }
    }
}
