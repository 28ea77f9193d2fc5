import Formats

/// Reads `fieldConfig`.
enum FieldReader {
    static func read(_ node: DocumentNode) -> FieldConfig {
        var config = FieldConfig()
        guard node.exists else { return config }
        let defaults = node["defaults"]
        for member in defaults.members where member.key != "custom" { set(member.key, member.node, &config.defaults) }
        for member in defaults["custom"].members { set("custom." + member.key, member.node, &config.defaults) }
        config.overrides = node["overrides"].exists ? node["overrides"].list.map(override) : []
        return config
    }

    private static func override(_ node: DocumentNode) -> FieldOverride {
        var settings = FieldSettings()
        for property in node["properties"].exists ? node["properties"].list : [] {
            if let id = property["id"].string { set(id, property["value"], &settings) }
        }
        return FieldOverride(matcher: matcher(node["matcher"]), settings: settings)
    }

    private static func matcher(_ node: DocumentNode) -> FieldOverride.Matcher {
        let options = node["options"]
        switch node["id"].looseString ?? "" {
        case "byName": return .name(options.looseString ?? "")
        case "byNames":
            // Older documents hold the list itself.
            return .names(
                options["names"].exists ? options["names"].strings : options.value?.array == nil ? [] : options.strings)
        case "byRegexp", "byRegex": return .pattern(stripSlashes(options.looseString ?? ""))
        case "byType": return .type(options.looseString ?? "")
        case "byFrameRefID": return .query(options.looseString ?? "")
        case let other: return .unknown(other)
        }
    }

    static func stripSlashes(_ text: String) -> String {
        guard text.hasPrefix("/"), let end = text.lastIndex(of: "/"), end > text.startIndex else { return text }
        let flags = text[text.index(after: end)...]
        let body = String(text[text.index(after: text.startIndex)..<end])
        return flags.contains("i") ? "(?i)" + body : body
    }

    /// Sets what the property `id` names; unknown ones are nobody's fault: plugins add their own.
    static func set(_ id: String, _ node: DocumentNode, _ settings: inout FieldSettings) {
        guard node.exists else { return }
        switch id {
        case "unit": settings.unit = node.looseString
        case "decimals": settings.decimals = node.int.map { max(0, min(15, $0)) }
        case "min": settings.minimum = node.number
        case "max": settings.maximum = node.number
        case "displayName": settings.displayName = node.looseString.flatMap { $0.isEmpty ? nil : $0 }
        case "noValue": settings.noValue = node.looseString
        case "color":
            settings.colorMode = node["mode"].looseString
            if let name = node["fixedColor"].looseString { settings.fixedColor = RGBColor(name) }
        case "thresholds": settings.thresholds = thresholds(node)
        case "mappings": settings.mappings = node.list.flatMap(mappings)
        default: setCustom(id, node, &settings)
        }
    }

    private static func setCustom(_ id: String, _ node: DocumentNode, _ settings: inout FieldSettings) {
        switch id {
        case "custom.drawStyle": settings.shape = node.looseString.flatMap { FieldSettings.Shape(rawValue: $0) }
        case "custom.lineInterpolation": settings.interpolation = node.looseString
        case "custom.fillOpacity": settings.fillOpacity = node.number
        case "custom.stacking":
            settings.stacking = node["mode"].looseString.flatMap { FieldSettings.Stacking(rawValue: $0) }
            settings.stackGroup = node["group"].looseString
        case "custom.spanNulls": settings.spansGaps = node.value?.bool ?? (node.number.map { $0 > 0 })
        case "custom.scaleDistribution":
            settings.logBase = node["type"].looseString == "log" ? (node["log"].number == 2 ? 2 : 10) : 0
        case "custom.thresholdsStyle": settings.thresholdsStyle = node["mode"].looseString
        case "custom.transform":
            settings.isNegated = node.looseString == "negative-Y"
            settings.isConstantTransform = node.looseString == "constant"
        case "custom.hideFrom":
            settings.isHidden = node["viz"].value?.bool ?? node["graph"].value?.bool
            settings.isHiddenInLegend = node["legend"].value?.bool
        case "custom.hidden": settings.isHidden = node.value?.bool
        case "custom.cellOptions": settings.cellType = node["type"].looseString
        case "custom.displayMode": settings.cellType = node.looseString
        case "custom.width": settings.columnWidth = node.number
        case "custom.align": settings.alignment = node.looseString
        default: break
        }
    }

    private static func thresholds(_ node: DocumentNode) -> Thresholds? {
        let steps = (node["steps"].exists ? node["steps"].list : []).map { step in
            Thresholds.Step(
                value: step["value"].exists ? step["value"].number ?? -.infinity : -.infinity,
                color: step["color"].looseString.flatMap { RGBColor($0) })
        }
        return steps.isEmpty ? nil : Thresholds(steps: steps, isPercentage: node["mode"].looseString == "percentage")
    }

    private static func mappings(_ node: DocumentNode) -> [ValueMapping] {
        let options = node["options"]
        func result(_ node: DocumentNode, _ condition: ValueMapping.Condition) -> ValueMapping {
            ValueMapping(
                condition: condition, text: node["text"].looseString.flatMap { $0.isEmpty ? nil : $0 },
                color: node["color"].looseString.flatMap { RGBColor($0) })
        }
        switch node["type"].looseString ?? "" {
        case "value": return options.members.map { result($0.node, .value($0.key)) }
        case "range":
            let from = options["from"].exists ? options["from"].number ?? -.infinity : -.infinity
            let to = options["to"].exists ? options["to"].number ?? .infinity : .infinity
            return [result(options["result"], .range(from: from, to: to))]
        case "regex":
            return [result(options["result"], .pattern(stripSlashes(options["pattern"].looseString ?? "")))]
        case "special": return [result(options["result"], .special(options["match"].looseString ?? ""))]
        // Before Grafana 8: type 1 is a value, 2 a range.
        case "1": return [result(node, .value(node["value"].looseString ?? ""))]
        case "2":
            return [result(node, .range(from: node["from"].number ?? -.infinity, to: node["to"].number ?? .infinity))]
        default: return []
        }
    }
}
