/// Reads `options` of the panel types that are drawn.
enum OptionsReader {
    static func read(_ node: DocumentNode, _ type: String) -> PanelOptions {
        var options = PanelOptions()
        if type == "gauge" || type == "bargauge" { options.showsGraph = false }
        guard node.exists else { return options }
        reduce(node, &options)
        options.textMode = node["textMode"].looseString.flatMap { PanelOptions.TextMode(rawValue: $0) } ?? .auto
        options.colorMode = node["colorMode"].looseString ?? options.colorMode
        if let mode = node["graphMode"].looseString { options.showsGraph = mode != "none" }
        options.orientation =
            node["orientation"].looseString.flatMap { PanelOptions.Orientation(rawValue: $0) } ?? .auto
        options.displayMode = node["displayMode"].looseString ?? options.displayMode
        options.legend = legend(node["legend"])
        options.showsHeader = node["showHeader"].value?.bool ?? true
        options.sorting = (node["sortBy"].exists ? node["sortBy"].list : []).compactMap { key in
            key["displayName"].looseString.map { SortKey(field: $0, isDescending: key["desc"].value?.bool ?? false) }
        }
        options.content = node["content"].looseString ?? ""
        options.contentMode = node["mode"].looseString ?? options.contentMode
        options.calculatesBuckets = node["calculate"].value?.bool ?? false
        options.yUnit = node["yAxis"]["unit"].looseString
        options.logs = logs(node)
        return options
    }

    private static func logs(_ node: DocumentNode) -> LogsOptions {
        var logs = LogsOptions()
        logs.showsTime = node["showTime"].value?.bool ?? true
        logs.showsLabels = node["showLabels"].value?.bool ?? false
        logs.wraps = node["wrapLogMessage"].value?.bool ?? false
        logs.isOldestFirst = node["sortOrder"].looseString == "Ascending"
        return logs
    }

    private static func reduce(_ node: DocumentNode, _ options: inout PanelOptions) {
        // Grafana 6 had them under fieldOptions.
        let reduce = node["reduceOptions"].exists ? node["reduceOptions"] : node["fieldOptions"]
        guard reduce.exists else { return }
        if reduce["calcs"].exists {
            let names = reduce["calcs"].strings
            if !names.isEmpty { options.calculations = names }
        }
        options.showsAllValues = reduce["values"].value?.bool ?? false
        options.valuesMax = reduce["limit"].int
        options.fieldFilter = reduce["fields"].looseString ?? ""
    }

    private static func legend(_ node: DocumentNode) -> LegendOptions {
        var legend = LegendOptions()
        guard node.exists else { return legend }
        let mode = node["displayMode"].looseString
        legend.isShown = (node["showLegend"].value?.bool ?? true) && mode != "hidden"
        legend.isTable = mode == "table"
        legend.isRight = node["placement"].looseString == "right"
        legend.calculations = node["calcs"].exists ? node["calcs"].strings : []
        return legend
    }
}
