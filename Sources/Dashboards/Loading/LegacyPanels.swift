/// Settings of panel types that Grafana replaced, told in the words of their successors.
enum LegacyPanels {
    static func upgrade(_ panel: inout Panel, _ node: DocumentNode, _ type: String) {
        // Where both stand in a document (mixins generate such), the new ones count.
        let hasFields =
            node["fieldConfig"]["defaults"]["custom"].exists || node["fieldConfig"]["defaults"]["unit"].exists
        if !hasFields, node["yaxes"].exists || type == "graph" { upgradeGraph(&panel, node) }
        if type == "singlestat" { upgradeSingleStat(&panel, node) }
        if panel.kind == .text, panel.options.content.isEmpty {
            panel.options.content = node["content"].looseString ?? ""
            panel.options.contentMode = node["mode"].looseString ?? panel.options.contentMode
        }
        if panel.kind == .heatmap { upgradeHeatmap(&panel, node) }
        if panel.kind == .table, node["styles"].exists, node["fieldConfig"].isAbsent { upgradeTable(&panel, node) }
    }

    private static func upgradeGraph(_ panel: inout Panel, _ node: DocumentNode) {
        var settings = panel.fields.defaults
        if node["yaxes"].exists, let axis = node["yaxes"].list.first {
            settings.unit = settings.unit ?? axis["format"].looseString
            if axis["min"].exists { settings.minimum = settings.minimum ?? axis["min"].number }
            if axis["max"].exists { settings.maximum = settings.maximum ?? axis["max"].number }
            if axis["decimals"].exists { settings.decimals = settings.decimals ?? axis["decimals"].int }
            if let base = axis["logBase"].number, base > 1 { settings.logBase = base == 2 ? 2 : 10 }
        }
        if node["bars"].value?.bool == true {
            settings.shape = .bars
        } else if node["lines"].value?.bool == false, node["points"].value?.bool == true {
            settings.shape = .points
        }
        if let fill = node["fill"].number { settings.fillOpacity = min(100, fill * 10) }
        if node["stack"].value?.bool == true {
            settings.stacking = node["percentage"].value?.bool == true ? .percent : .normal
            settings.stackGroup = "A"
        }
        if node["steppedLine"].value?.bool == true { settings.interpolation = "stepAfter" }
        settings.spansGaps = settings.spansGaps ?? (node["nullPointMode"].looseString == "connected")
        panel.fields.defaults = settings
        let legend = node["legend"]
        if legend.exists, node["options"]["legend"].isAbsent { panel.options.legend = upgradedLegend(legend) }
        for override in node["seriesOverrides"].exists ? node["seriesOverrides"].list : [] {
            upgradeOverride(&panel, override)
        }
    }

    private static func upgradedLegend(_ node: DocumentNode) -> LegendOptions {
        var legend = LegendOptions()
        legend.isShown = node["show"].value?.bool ?? true
        legend.isTable = node["alignAsTable"].value?.bool ?? false
        legend.isRight = node["rightSide"].value?.bool ?? false
        guard node["values"].value?.bool == true else { return legend }
        for (key, calculation) in [
            ("avg", "mean"), ("current", "lastNotNull"), ("max", "max"), ("min", "min"), ("total", "sum"),
        ]
        where node[key].value?.bool == true { legend.calculations.append(calculation) }
        return legend
    }

    private static func upgradeOverride(_ panel: inout Panel, _ node: DocumentNode) {
        guard let alias = node["alias"].looseString else { return }
        var settings = FieldSettings()
        if let color = node["color"].looseString {
            settings.fixedColor = RGBColor(color)
            settings.colorMode = "fixed"
        }
        if node["transform"].looseString == "negative-Y" { settings.isNegated = true }
        if let fill = node["fill"].number { settings.fillOpacity = min(100, fill * 10) }
        if let stack = node["stack"].value?.bool { settings.stacking = stack ? .normal : FieldSettings.Stacking.none }
        if node["bars"].value?.bool == true { settings.shape = .bars }
        let matcher: FieldOverride.Matcher =
            alias.hasPrefix("/") ? .pattern(FieldReader.stripSlashes(alias)) : .name(alias)
        panel.fields.overrides.append(FieldOverride(matcher: matcher, settings: settings))
    }

    private static func upgradeSingleStat(_ panel: inout Panel, _ node: DocumentNode) {
        var settings = panel.fields.defaults
        settings.unit = settings.unit ?? node["format"].looseString
        settings.decimals = settings.decimals ?? node["decimals"].int
        if let bounds = node["thresholds"].value?.string, !bounds.isEmpty {
            let colors = node["colors"].exists ? node["colors"].strings : ["green", "orange", "red"]
            let values = bounds.split(separator: ",").compactMap { Double($0.filter { $0 != " " }) }
            var steps = [Thresholds.Step(value: -.infinity, color: colors.first.flatMap { RGBColor($0) })]
            for (index, value) in values.enumerated() {
                steps.append(
                    Thresholds.Step(value: value, color: index + 1 < colors.count ? RGBColor(colors[index + 1]) : nil))
            }
            settings.thresholds = Thresholds(steps: steps)
        }
        settings.mappings = (node["valueMaps"].exists ? node["valueMaps"].list : []).map { map in
            let value = map["value"].looseString ?? ""
            return ValueMapping(
                condition: value == "null" ? .special("null") : .value(value), text: map["text"].looseString, color: nil
            )
        }
        panel.fields.defaults = settings
        panel.options.calculations = [calculation(node["valueName"].looseString ?? "avg")]
        panel.options.showsGraph = node["sparkline"]["show"].value?.bool ?? false
        panel.options.colorMode =
            node["colorBackground"].value?.bool == true
            ? "background" : node["colorValue"].value?.bool == true ? "value" : "none"
        if node["gauge"]["show"].value?.bool == true {
            panel.kind = .gauge
            panel.fields.defaults.minimum = node["gauge"]["minValue"].number ?? 0
            panel.fields.defaults.maximum = node["gauge"]["maxValue"].number ?? 100
        }
    }

    private static func calculation(_ name: String) -> String {
        switch name {
        case "avg": "mean"
        case "current": "lastNotNull"
        case "total": "sum"
        default: name
        }
    }

    private static func upgradeHeatmap(_ panel: inout Panel, _ node: DocumentNode) {
        if let format = node["dataFormat"].looseString { panel.options.calculatesBuckets = format != "tsbuckets" }
        panel.options.yUnit = panel.options.yUnit ?? node["yAxis"]["format"].looseString
    }

    private static func upgradeTable(_ panel: inout Panel, _ node: DocumentNode) {
        for style in node["styles"].list {
            guard let pattern = style["pattern"].looseString else { continue }
            var settings = FieldSettings()
            settings.displayName = style["alias"].looseString.flatMap { $0.isEmpty ? nil : $0 }
            settings.unit = style["unit"].looseString
            settings.decimals = style["decimals"].int
            if style["type"].looseString == "hidden" { settings.isHidden = true }
            let matcher: FieldOverride.Matcher =
                pattern.hasPrefix("/") ? .pattern(FieldReader.stripSlashes(pattern)) : .name(pattern)
            panel.fields.overrides.append(FieldOverride(matcher: matcher, settings: settings))
        }
    }
}
