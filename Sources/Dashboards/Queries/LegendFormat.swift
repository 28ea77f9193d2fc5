import Bedrock
import Model

/// Names of series.
public enum LegendFormat {
    /// - Parameters:
    ///   - template: `{{label}}` stands for a value; empty and `__auto` leave the choice to the labels.
    ///   - expression: the name of a series without any labels.
    public static func name(_ template: String, _ labels: Labels, expression: String) -> String {
        if template.isEmpty || template == "__auto" { return automatic(labels, expression) }
        guard template.contains("{{") else { return template }
        var out = ""
        var rest = template[...]
        while let open = rest.firstRange(of: "{{"), let close = rest[open.upperBound...].firstRange(of: "}}") {
            out += rest[..<open.lowerBound]
            let label = rest[open.upperBound..<close.lowerBound].filter { $0 != " " }
            out += labels[String(label)] ?? ""
            rest = rest[close.upperBound...]
        }
        return out + rest
    }

    private static func automatic(_ labels: Labels, _ expression: String) -> String {
        let list = labels.list
        if list.isEmpty { return expression }
        let others = list.filter { $0.name != Labels.metricName }
        if list.count == 1 { return list[0].value }
        if others.count == 1, others.count == list.count { return others[0].value }
        return labels.description
    }

    /// Display names: `${__field.labels.x}`, `${__field.name}`, `${__series.name}`, `$__cell_0` and the like that aren't known stay.
    public static func displayName(_ template: String, name: String, labels: Labels) -> String {
        guard template.contains("$") else { return template }
        var out = template
        for key in ["${__field.name}", "${__series.name}", "${__field.displayName}"] {
            out = out.replacing(key, with: name)
        }
        for label in labels.list {
            out = out.replacing("${__field.labels.\(label.name)}", with: label.value)
            out = out.replacing("${__field.labels[\"\(label.name)\"]}", with: label.value)
        }
        return out.replacing("${__field.labels}", with: labels.description)
    }
}
