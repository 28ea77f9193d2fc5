import Formats

extension RelabelRule {
    /// The rules of `relabel_configs` or `metric_relabel_configs`. What is wrong is noted, and the rule left out.
    static func list(_ value: YAMLValue?, place: String) -> [RelabelRule] {
        (value?.list ?? []).enumerated().compactMap { index, item in
            item.mapping("\(place)[\(index)]") { read($0) } ?? nil
        }
    }

    private static func read(_ keys: YAMLMapping) -> RelabelRule? {
        var settings = Settings()
        if let name = keys["action"]?.string {
            // Prometheus takes action names in any case.
            guard let action = Action(rawValue: name.lowercased()) else {
                _ = keys["action"]?.choice(of: Action.allCases.map(\.rawValue))
                return nil
            }
            settings.action = action
        }
        settings.sourceLabels = keys["source_labels"]?.strings ?? []
        settings.separator = keys["separator"]?.string
        settings.targetLabel = keys["target_label"]?.string
        settings.regex = keys["regex"]?.string
        settings.modulus = keys["modulus"]?.int(in: 0...Int.max).map { UInt64($0) }
        settings.replacement = keys["replacement"]?.string
        do throws(Invalid) { return try RelabelRule(settings) } catch {
            if case .regex(let inner) = error {
                keys.note(inner.description, at: "regex")
            } else {
                keys.note(error.description)
            }
            return nil
        }
    }
}
