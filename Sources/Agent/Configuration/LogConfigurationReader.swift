import Bedrock
import Formats
import Model

extension LogConfiguration {
    /// Takes `log_configs` out of a file's root mapping, whose other keys are others' business.
    ///
    /// Everything wrong is noted with its place, so that the caller's `YAMLReader` throws all of it at once.
    public init(_ root: YAMLMapping) {
        var names: Set<String> = []
        for (index, item) in (root["log_configs"]?.list ?? []).enumerated() {
            let place = "log_configs[\(index)]"
            guard let job = item.mapping(place, { LogConfigurationReader.job($0, place) }) ?? nil else { continue }
            if !names.insert(job.name).inserted { item.note("job_name \"\(job.name)\" is used twice") }
            jobs.append(job)
        }
    }

    /// Reads a text that holds nothing but this key; for tests and tools.
    public static func read(_ text: String, file: String) throws(YAMLReader.Problems) -> LogConfiguration {
        try YAMLReader.read(text, file: file) { root in
            root.mapping { LogConfiguration($0) } ?? LogConfiguration()
        }
    }
}

/// Decodes log jobs out of YAML, under promtail's keys, with its defaults.
enum LogConfigurationReader {
    static func job(_ keys: YAMLMapping, _ place: String) -> LogJob? {
        keys.require("job_name")
        let name = keys["job_name"]?.string ?? ""
        // Names are parts of the positions' keys.
        if name.contains("/") { keys.note("job_name must not have a /", at: "job_name") }
        var job = LogJob(name: name)
        job.targets = targets(keys["static_configs"], "\(place).static_configs")
        job.journal = keys["journal"]?.mapping("\(place).journal") { journal($0) }
        job.stages = StageReader.list(keys["pipeline_stages"], "\(place).pipeline_stages")
        job.relabelRules = RelabelRule.list(keys["relabel_configs"], place: "\(place).relabel_configs")
        job.redactions = redactions(keys["redact"], "\(place).redact")
        if let tenant = keys["tenant_id"]?.string {
            if !TenantStage.isName(tenant) {
                keys.note("a tenant is 1 to 150 letters, digits or !-_.*'()", at: "tenant_id")
            }
            job.tenant = tenant
        }
        job.unfinishedWait = keys["unfinished_line_wait"]?.duration ?? job.unfinishedWait
        if job.targets.isEmpty && job.journal == nil {
            keys.note("a job reads static_configs with a __path__, or a journal")
        }
        return name.isEmpty ? nil : job
    }

    private static func targets(_ value: YAMLValue?, _ place: String) -> [LogTarget] {
        (value?.list ?? []).enumerated().compactMap { index, item in
            item.mapping("\(place)[\(index)]") { keys -> LogTarget? in
                // Promtail's, which it doesn't use either.
                _ = keys["targets"]?.strings
                keys.require("labels")
                var pattern: GlobPattern?
                var excluded: [GlobPattern] = []
                var labels: [Label] = []
                for entry in keys["labels"]?.entries ?? [] {
                    // Promtail takes one; a list is read as well.
                    if entry.key == "__path_exclude__" {
                        let values = entry.value.node.sequence == nil ? [entry.value] : entry.value.list ?? []
                        excluded = values.compactMap { value in value.string.flatMap { glob($0, value) } }
                        continue
                    }
                    guard let text = entry.value.string else { continue }
                    switch entry.key {
                    case "__path__": pattern = glob(text, entry.value)
                    default: labels.append(Label(entry.key, text))
                    }
                }
                guard let pattern else {
                    if !(keys["labels"]?.entries ?? []).contains(where: { $0.key == "__path__" }) {
                        keys.note("the label __path__ is missing; it says which files to read")
                    }
                    return nil
                }
                return LogTarget(pattern: pattern, excluded: excluded, labels: labels)
            } ?? nil
        }
    }

    private static func glob(_ text: String, _ value: YAMLValue) -> GlobPattern? {
        do throws(GlobPattern.Invalid) { return try GlobPattern(text) } catch {
            value.note("\"\(text)\" is no pattern of paths: \(error.description)")
            return nil
        }
    }

    private static func journal(_ keys: YAMLMapping) -> JournalSettings {
        var settings = JournalSettings()
        settings.path = keys["path"]?.string
        settings.maxAge = keys["max_age"]?.duration ?? settings.maxAge
        settings.isJSON = keys["json"]?.bool ?? false
        settings.labels = labels(keys["labels"])
        settings.fields = labels(keys["structured_metadata"])
        return settings
    }

    static func labels(_ value: YAMLValue?) -> [Label] {
        (value?.stringPairs ?? []).map { Label($0.key, $0.value) }
    }

    private static func redactions(_ value: YAMLValue?, _ place: String) -> [RedactionRule] {
        (value?.list ?? []).enumerated().compactMap { index, item -> RedactionRule? in
            if item.node.scalar != nil {
                let names = RedactionRule.BuiltIn.allCases.map(\.rawValue)
                guard let name = item.choice(of: names), let builtIn = RedactionRule.BuiltIn(rawValue: name) else {
                    return nil
                }
                return made(item) { () throws(RegexError) in try RedactionRule(builtIn) }
            }
            return item.mapping("\(place)[\(index)]") { keys -> RedactionRule? in
                keys.require("regex")
                let regex = keys["regex"]?.string ?? ""
                let name = keys["name"]?.string ?? "custom"
                let replacement = keys["replacement"]?.string
                return made(item) { () throws(RegexError) in
                    try RedactionRule(name: name, regex: regex, replacement: replacement)
                }
            } ?? nil
        }
    }

    private static func made(
        _ item: YAMLValue, _ make: () throws(RegexError) -> RedactionRule
    ) -> RedactionRule? {
        do throws(RegexError) { return try make() } catch {
            item.note(error.description)
            return nil
        }
    }
}
