import Bedrock
import Model
import Transport

/// Makes targets out of addresses and their labels, as a job says.
enum TargetBuilder {
    /// Why an address makes no target.
    struct Invalid: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    enum Outcome: Equatable {
        case target(ScrapeTarget)
        /// By a relabelling rule.
        case dropped(DroppedTarget)
    }

    static func build(_ address: String, _ group: [LabelPair], _ job: ScrapeJob) throws(Invalid) -> Outcome {
        var labels = discovered(address, group, job)
        let before = labels.labels()
        guard Relabelling.apply(job.relabelRules, to: &labels) else {
            return .dropped(DroppedTarget(job: job.name, discovered: before))
        }
        let host = labels["__address__"] ?? ""
        if host.isEmpty { throw Invalid(description: "no address") }
        if host.contains("/") { throw Invalid(description: "\(quoted(host)) is no host and port") }
        let interval = try duration(labels, "__scrape_interval__")
        let timeout = try duration(labels, "__scrape_timeout__")
        if timeout > interval {
            throw Invalid(
                description:
                    "scrape timeout cannot be greater than scrape interval (\(quoted(labels["__scrape_timeout__"] ?? "")) > \(quoted(labels["__scrape_interval__"] ?? "")))"
            )
        }
        guard let scheme = ScrapeScheme(rawValue: labels["__scheme__"] ?? "") else {
            throw Invalid(description: "scheme \(quoted(labels["__scheme__"] ?? "")) is neither http nor https")
        }
        if labels["instance"] == nil { labels.set("instance", host) }
        let url = self.url(scheme, host, labels, job)
        for label in labels.list where label.name.hasPrefix("__") { labels.remove(label.name) }
        return .target(
            ScrapeTarget(
                job: job, labels: labels.labels(), discovered: before, url: url, interval: interval, timeout: timeout))
    }

    /// What relabelling sees: the address, the group's labels, and the job's settings as labels where nobody set them.
    private static func discovered(_ address: String, _ group: [LabelPair], _ job: ScrapeJob) -> LabelsBuilder {
        var labels = LabelsBuilder()
        for pair in group { labels.set(pair.name, pair.value) }
        labels.set("__address__", address)
        var defaults = [
            LabelPair("job", job.name),
            LabelPair("__scrape_interval__", PrometheusDuration.format(milliseconds: job.interval)),
            LabelPair("__scrape_timeout__", PrometheusDuration.format(milliseconds: job.timeout)),
            LabelPair("__metrics_path__", job.metricsPath),
            LabelPair("__scheme__", job.scheme.rawValue),
        ]
        for parameter in job.parameters {
            if let first = parameter.values.first { defaults.append(LabelPair("__param_" + parameter.name, first)) }
        }
        for pair in defaults where labels[pair.name] == nil { labels.set(pair.name, pair.value) }
        return labels
    }

    private static func duration(_ labels: LabelsBuilder, _ name: String) throws(Invalid) -> Int64 {
        let text = labels[name] ?? ""
        do throws(PrometheusDuration.ParseError) {
            let value = try PrometheusDuration.parse(text)
            if value > 0 { return value }
        } catch {
            throw Invalid(description: "\(name): \(error)")
        }
        throw Invalid(description: "\(name) cannot be 0")
    }

    /// The first value of each parameter comes from its label, further ones from the job; sorted by name, as Prometheus sends them.
    private static func url(_ scheme: ScrapeScheme, _ host: String, _ labels: LabelsBuilder, _ job: ScrapeJob) -> String
    {
        var parameters: [String: [String]] = [:]
        for parameter in job.parameters { parameters[parameter.name] = parameter.values }
        for label in labels.list where label.name.hasPrefix("__param_") {
            let rest = parameters[String(label.name.dropFirst(8))]?.dropFirst() ?? []
            parameters[String(label.name.dropFirst(8))] = [label.value] + rest
        }
        let query = parameters.sorted { utf8Precedes($0.key, $1.key) }.flatMap { name, values in
            values.map { (name: name, value: $0) }
        }
        let path = (labels["__metrics_path__"] ?? "").split(separator: "/", omittingEmptySubsequences: false)
            .map { PercentCoding.encode(String($0)) }.joined(separator: "/")
        let slashed = path.hasPrefix("/") || path.isEmpty ? path : "/" + path
        return "\(scheme.rawValue)://\(host)\(slashed)" + (query.isEmpty ? "" : "?" + PercentCoding.form(query))
    }
}
