import Model

/// From a scraped label set to the stored one: the target's labels merged in, metric relabelling, limits.
enum SampleLabels {
    /// - Parameters:
    ///   - scraped: as the exposition has it.
    ///   - explicitlyEmpty: label names that the exposition gives an empty value; with `honor_labels` they keep the target's away.
    /// - Returns: nil where metric relabelling drops the series.
    static func stored(
        _ scraped: Labels, explicitlyEmpty: Set<String> = [], _ target: ScrapeTarget
    ) throws(ScrapeError) -> Labels? {
        var labels = LabelsBuilder(scraped)
        if target.job.honorLabels {
            for label in target.labels.list
            where labels[label.name] == nil && !explicitlyEmpty.contains(label.name) {
                labels.set(label.name, label.value)
            }
        } else {
            merge(target.labels.list, into: &labels)
        }
        guard Relabelling.apply(target.job.metricRelabelRules, to: &labels) else { return nil }
        let result = labels.labels()
        if result.isEmpty { return nil }
        guard labels[Labels.metricName] != nil else { throw .nameMissing(series: result.description) }
        try check(result, target.job.limits)
        return result
    }

    /// The target's labels win; those of the exposition that stand in the way are renamed.
    private static func merge(_ own: [Label], into labels: inout LabelsBuilder) {
        var conflicts: [Label] = []
        for label in own {
            if let theirs = labels[label.name] { conflicts.append(Label(label.name, theirs)) }
            labels.set(label.name, label.value)
        }
        // The shorter name first, so that `exported_a` of the exposition itself gives way to the renamed `a`'s longer cousin.
        conflicts.sort {
            $0.name.utf8.count != $1.name.utf8.count
                ? $0.name.utf8.count < $1.name.utf8.count : utf8Precedes($0.name, $1.name)
        }
        for label in conflicts {
            var name = "exported_" + label.name
            while labels[name] != nil { name = "exported_" + name }
            labels.set(name, label.value)
        }
    }

    private static func check(_ labels: Labels, _ limits: ScrapeLimits) throws(ScrapeError) {
        guard limits.labelsMax > 0 || limits.labelNameBytesMax > 0 || limits.labelValueBytesMax > 0 else { return }
        let metric = (labels[Labels.metricName] ?? "").prefix(50)
        let list = labels.list
        if limits.labelsMax > 0, list.count > limits.labelsMax {
            throw .labelLimit(
                "label_limit exceeded (metric: \(metric), number of labels: \(list.count), limit: \(limits.labelsMax))")
        }
        for label in list {
            let name = label.name.utf8.count
            if limits.labelNameBytesMax > 0, name > limits.labelNameBytesMax {
                throw .labelLimit(
                    "label_name_length_limit exceeded (metric: \(metric), label name: \(label.name.prefix(50)), length: \(name), limit: \(limits.labelNameBytesMax))"
                )
            }
            let value = label.value.utf8.count
            if limits.labelValueBytesMax > 0, value > limits.labelValueBytesMax {
                throw .labelLimit(
                    "label_value_length_limit exceeded (metric: \(metric), label name: \(label.name.prefix(50)), value: \(quoted(String(label.value.prefix(50)))), length: \(value), limit: \(limits.labelValueBytesMax))"
                )
            }
        }
    }
}
