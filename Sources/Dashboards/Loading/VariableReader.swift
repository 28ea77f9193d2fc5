/// Reads one entry of `templating.list`.
enum VariableReader {
    static func read(_ node: DocumentNode) -> Variable? {
        var variable = Variable()
        guard let name = node["name"].looseString, !name.isEmpty else {
            node.note("a variable has a name")
            return nil
        }
        variable.name = name
        variable.label = node["label"].looseString ?? ""
        variable.kind = kind(node["type"].looseString ?? "query")
        variable.isHidden = node["hide"].int == 2
        variable.query = query(node["query"], node["definition"])
        variable.dataSource = PanelReader.dataSource(node["datasource"]) ?? .standard
        variable.pattern = node["regex"].looseString ?? ""
        variable.sorting = node["sort"].int.flatMap { Variable.Sorting(rawValue: $0) } ?? .none
        variable.isMulti = node["multi"].value?.bool ?? false
        variable.includesAll = node["includeAll"].value?.bool ?? false
        variable.allValue = node["allValue"].looseString ?? ""
        variable.refreshesWithTime = node["refresh"].exists && node["refresh"].value?.number == 2
        variable.options = (node["options"].exists ? node["options"].list : []).compactMap { option in
            guard let value = option["value"].looseString, value != Variable.all else { return nil }
            return Variable.Option(text: option["text"].looseString ?? value, value: value)
        }
        variable.current = current(node["current"])
        return variable
    }

    private static func kind(_ type: String) -> Variable.Kind {
        switch type {
        case "query": .query
        case "custom": .custom
        case "constant": .constant
        case "textbox": .textBox
        case "interval": .interval
        case "datasource": .dataSource
        case "adhoc": .adHoc
        default: .unknown(type)
        }
    }

    /// A text, or an object that holds it; Loki's editor writes the parts of `label_values` one by one.
    private static func query(_ node: DocumentNode, _ definition: DocumentNode) -> String {
        if node.isObject, node["query"].isAbsent, let type = node["type"].int {
            let stream = node["stream"].looseString ?? ""
            guard type == 1 else { return "label_names()" }
            return "label_values(" + (stream.isEmpty ? "" : stream + ", ") + (node["label"].looseString ?? "") + ")"
        }
        if node.isObject { return node["query"].looseString ?? definition.looseString ?? "" }
        return node.looseString ?? ""
    }

    /// Value and text are each one or a list.
    private static func current(_ node: DocumentNode) -> [Variable.Option] {
        guard node.isObject, node["value"].exists else { return [] }
        let values = node["value"].value?.array == nil ? [node["value"].looseString ?? ""] : node["value"].strings
        let texts =
            node["text"].isAbsent
            ? [] : node["text"].value?.array == nil ? [node["text"].looseString ?? ""] : node["text"].strings
        return values.enumerated().map { Variable.Option(text: $0 < texts.count ? texts[$0] : $1, value: $1) }
    }
}
