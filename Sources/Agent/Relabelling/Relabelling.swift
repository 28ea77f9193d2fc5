import Model

/// Applies relabelling rules in order.
public enum Relabelling {
    /// Rewrites `labels`; false when a rule drops the target or series, whose labels are of no interest then.
    public static func apply(_ rules: [RelabelRule], to labels: inout LabelsBuilder) -> Bool {
        for rule in rules where !apply(rule, to: &labels) { return false }
        return true
    }

    private static func apply(_ rule: RelabelRule, to labels: inout LabelsBuilder) -> Bool {
        switch rule.action {
        case .keep: return rule.regex.matches(source(rule, labels))
        case .drop: return !rule.regex.matches(source(rule, labels))
        case .keepequal: return source(rule, labels) == labels[rule.targetLabel] ?? ""
        case .dropequal: return source(rule, labels) != labels[rule.targetLabel] ?? ""
        case .replace: replace(rule, &labels)
        case .lowercase: labels.set(rule.targetLabel, source(rule, labels).lowercased())
        case .uppercase: labels.set(rule.targetLabel, source(rule, labels).uppercased())
        case .hashmod: labels.set(rule.targetLabel, String(shard(source(rule, labels), of: rule.modulus)))
        case .labelmap:
            // In the order of names, so that it is clear which one wins when two map to the same.
            for label in labels.list.sorted(by: { utf8Precedes($0.name, $1.name) }) {
                guard let name = rule.regex.expand(rule.replacement, matching: label.name), !name.isEmpty else {
                    continue
                }
                labels.set(name, label.value)
            }
        case .labeldrop:
            for label in labels.list where rule.regex.matches(label.name) { labels.remove(label.name) }
        case .labelkeep:
            for label in labels.list where !rule.regex.matches(label.name) { labels.remove(label.name) }
        }
        return true
    }

    private static func source(_ rule: RelabelRule, _ labels: LabelsBuilder) -> String {
        if rule.sourceLabels.count == 1 { return labels[rule.sourceLabels[0]] ?? "" }
        return rule.sourceLabels.map { labels[$0] ?? "" }.joined(separator: rule.separator)
    }

    private static func replace(_ rule: RelabelRule, _ labels: inout LabelsBuilder) {
        let text = source(rule, labels)
        guard let target = rule.regex.expand(rule.targetLabel, matching: text), !target.isEmpty,
            let value = rule.regex.expand(rule.replacement, matching: text)
        else { return }
        // An empty value removes the label.
        labels.set(target, value)
    }

    /// Prometheus' hash: the second half of the MD5 as a big-endian number.
    private static func shard(_ text: String, of modulus: UInt64) -> UInt64 {
        let hash = MD5.digest(text.utf8)[8...].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return hash % modulus
    }
}
