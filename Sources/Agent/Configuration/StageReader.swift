import Bedrock
import Formats
import LogQL
import Model

/// Decodes `pipeline_stages`: a list of mappings with one key, the stage's name.
enum StageReader {
    private typealias Read = @Sendable (YAMLValue, String) -> StageConfiguration?

    private static let readers: [(name: String, read: Read)] = [
        ("json", json), ("logfmt", logfmt), ("regex", regex), ("replace", replace), ("template", template),
        ("timestamp", timestamp), ("labels", { v, _ in assign(v, toMetadata: false) }),
        ("structured_metadata", { v, _ in assign(v, toMetadata: true) }), ("static_labels", staticLabels),
        ("labeldrop", { v, _ in .edit(.drop(Set(v.strings ?? []))) }),
        ("labelallow", { v, _ in .edit(.allow(Set(v.strings ?? []))) }), ("output", output), ("tenant", tenant),
        ("pack", pack), ("drop", drop), ("limit", limit), ("match", match), ("multiline", multiline),
        ("cri", { v, p in container(v, p, .cri) }), ("docker", { v, p in container(v, p, .docker) }),
    ]

    static func list(_ value: YAMLValue?, _ place: String) -> [StageConfiguration] {
        (value?.list ?? []).enumerated().compactMap { index, item in
            guard let entries = item.entries else { return nil }
            guard entries.count == 1, let stage = entries.first else {
                item.note("a stage is a mapping with one key, its name")
                return nil
            }
            let place = "\(place)[\(index)].\(stage.key)"
            guard let reader = readers.first(where: { $0.name == stage.key }) else {
                let hint = Suggestion.hint(stage.key, in: readers.map(\.name))
                item.reader.note("unknown stage \"\(stage.key)\"\(hint)", at: stage.keyPosition)
                return nil
            }
            return reader.read(stage.value, place)
        }
    }

    /// Makes what may fail, and notes at `value` why it does.
    private static func made<T, E: Error & CustomStringConvertible>(
        _ value: YAMLValue, _ make: () throws(E) -> T
    ) -> T? {
        do throws(E) { return try make() } catch {
            value.note(error.description)
            return nil
        }
    }

    private static func plan(_ value: YAMLValue, _ stage: PipelineStage) -> StageConfiguration.Plan? {
        made(value) { () throws(PipelineError) in try StageConfiguration.Plan([stage]) }
    }

    private static func expression(_ keys: YAMLMapping, _ value: YAMLValue, _ key: String) -> Expression? {
        guard let text = keys[key]?.string else { return nil }
        return made(keys[key] ?? value) { () throws(RegexError) in try Expression(text) }
    }

    // MARK: Parsers

    private static func extractions(_ value: YAMLValue?) -> [LabelExtraction] {
        // An empty expression stands for the name itself.
        (value?.entries ?? []).map { entry in
            let expression = entry.value.isNull ? "" : entry.value.string ?? ""
            return LabelExtraction(entry.key, expression.isEmpty ? entry.key : expression)
        }
    }

    private static func json(_ value: YAMLValue, _ place: String) -> StageConfiguration? {
        value.mapping(place) { keys -> StageConfiguration? in
            keys.require("expressions")
            let source = keys["source"]?.string
            let drops = keys["drop_malformed"]?.bool ?? false
            return plan(value, .json(extractions(keys["expressions"]))).map {
                .extract($0, source: source, dropsDamaged: drops)
            }
        } ?? nil
    }

    private static func logfmt(_ value: YAMLValue, _ place: String) -> StageConfiguration? {
        value.mapping(place) { keys -> StageConfiguration? in
            keys.require("mapping")
            let source = keys["source"]?.string
            return plan(value, .logfmt(LogfmtStage(extractions: extractions(keys["mapping"])))).map {
                .extract($0, source: source, dropsDamaged: false)
            }
        } ?? nil
    }

    private static func regex(_ value: YAMLValue, _ place: String) -> StageConfiguration? {
        value.mapping(place) { keys -> StageConfiguration? in
            keys.require("expression")
            let source = keys["source"]?.string
            guard let text = keys["expression"] else { return nil }
            return plan(text, .regexp(text.string ?? "")).map { .extract($0, source: source, dropsDamaged: false) }
        } ?? nil
    }

    private static func replace(_ value: YAMLValue, _ place: String) -> StageConfiguration? {
        value.mapping(place) { keys -> StageConfiguration? in
            keys.require("expression")
            let source = keys["source"]?.string
            let template = keys["replace"]?.string ?? ""
            guard let expression = expression(keys, value, "expression"),
                let plan = plan(keys["replace"] ?? value, .lineFormat(template))
            else { return nil }
            return .replace(expression, plan, source: source)
        } ?? nil
    }

    private static func template(_ value: YAMLValue, _ place: String) -> StageConfiguration? {
        value.mapping(place) { keys -> StageConfiguration? in
            keys.require("source", "template")
            guard let text = keys["template"], let source = keys["source"]?.string else { return nil }
            return plan(text, .lineFormat(text.string ?? "")).map { .template($0, source: source) }
        } ?? nil
    }

    private static func timestamp(_ value: YAMLValue, _ place: String) -> StageConfiguration? {
        value.mapping(place) { keys -> StageConfiguration? in
            keys.require("source", "format")
            var rule = TimestampStage.Rule()
            rule.source = keys["source"]?.string ?? ""
            rule.formats = ([keys["format"]?.string].compactMap { $0 } + (keys["fallback_formats"]?.strings ?? []))
                .map { TimeFormat($0) }
            rule.zone = keys["location"]?.string
            rule.fudges = keys["action_on_failure"]?.choice(of: ["fudge", "skip"]) != "skip"
            if let zone = rule.zone, TimeZones.system.zone(zone) == nil {
                keys.note("unknown time zone \"\(zone)\"", at: "location")
            }
            for format in rule.formats {
                _ = made(value) { () throws(PipelineError) in try format.plan(zone: rule.zone) }
            }
            return .timestamp(rule)
        } ?? nil
    }

    // MARK: Labels

    private static func assign(_ value: YAMLValue, toMetadata: Bool) -> StageConfiguration? {
        .assign(
            extractions(value).map { Label($0.label, $0.expression) }, toMetadata: toMetadata)
    }

    private static func staticLabels(_ value: YAMLValue, _ place: String) -> StageConfiguration? {
        .edit(.set(LogConfigurationReader.labels(value)))
    }

    private static func output(_ value: YAMLValue, _ place: String) -> StageConfiguration? {
        value.mapping(place) { keys -> StageConfiguration? in
            keys.require("source")
            return keys["source"]?.string.map { .output($0) }
        } ?? nil
    }

    private static func tenant(_ value: YAMLValue, _ place: String) -> StageConfiguration? {
        value.mapping(place) { keys -> StageConfiguration? in
            let given: [TenantStage.From] = [
                keys["source"]?.string.map { .extracted($0) }, keys["label"]?.string.map { .label($0) },
                keys["value"]?.string.map { .value($0) },
            ].compactMap { $0 }
            guard given.count == 1 else {
                keys.note("tenant wants one of source, label and value")
                return nil
            }
            return .tenant(given[0])
        } ?? nil
    }

    private static func pack(_ value: YAMLValue, _ place: String) -> StageConfiguration? {
        value.mapping(place) { keys in
            .pack(keys["labels"]?.strings ?? [], stampsAnew: keys["ingest_timestamp"]?.bool ?? true)
        }
    }

    // MARK: Filters

    private static func drop(_ value: YAMLValue, _ place: String) -> StageConfiguration? {
        value.mapping(place) { keys -> StageConfiguration? in
            var rule = DropStage.Rule()
            if let source = keys["source"] {
                rule.sources = source.node.scalar.map { [$0] } ?? source.strings ?? []
            }
            rule.separator = keys["separator"]?.string ?? rule.separator
            rule.expression = expression(keys, value, "expression")
            rule.value = keys["value"]?.string
            rule.olderThan = keys["older_than"]?.duration
            rule.longerThan = keys["longer_than"]?.size
            rule.reason = keys["drop_counter_reason"]?.string ?? rule.reason
            if rule.expression == nil && rule.value == nil && rule.olderThan == nil && rule.longerThan == nil
                && rule.sources.isEmpty
            {
                keys.note("drop wants at least one of source, expression, value, older_than and longer_than")
            }
            if rule.expression != nil && rule.value != nil { keys.note("drop wants either value or expression") }
            return .drop(rule)
        } ?? nil
    }

    private static func limit(_ value: YAMLValue, _ place: String) -> StageConfiguration? {
        value.mapping(place) { keys -> StageConfiguration? in
            keys.require("rate", "burst")
            var rule = LimitStage.Rule()
            rule.rate = keys["rate"]?.double ?? 1
            rule.burst = keys["burst"]?.double ?? 1
            rule.drops = keys["drop"]?.bool ?? false
            rule.label = keys["by_label_name"]?.string
            rule.labelsMax = keys["max_distinct_labels"]?.int(in: 1...1_000_000) ?? rule.labelsMax
            if !(rule.rate > 0 && rule.rate.isFinite) { keys.note("rate must be over 0", at: "rate") }
            if !(rule.burst >= 1 && rule.burst.isFinite) { keys.note("burst must be at least 1", at: "burst") }
            return .limit(rule)
        } ?? nil
    }

    private static func multiline(_ value: YAMLValue, _ place: String) -> StageConfiguration? {
        value.mapping(place) { keys -> StageConfiguration? in
            keys.require("firstline")
            let wait = keys["max_wait_time"]?.duration ?? 3_000
            let lines = keys["max_lines"]?.int(in: 1...10_000) ?? 128
            guard let first = expression(keys, value, "firstline") else { return nil }
            return .multiline(
                MultilineStage.Rule(firstLine: first, wait: UInt64(clamping: wait) * 1_000_000, linesMax: lines))
        } ?? nil
    }

    private static func container(
        _ value: YAMLValue, _ place: String, _ format: ContainerStage.Format
    ) -> StageConfiguration? {
        value.mapping(place) { keys in
            // Promtail's bounds of what it joins; here a joined line is as long as any line may be.
            _ = keys["max_partial_lines"]?.int(in: 1...Int.max)
            _ = keys["max_partial_line_size"]?.size
            _ = keys["max_partial_line_size_truncate"]?.bool
            return .container(format)
        }
    }

    private static func match(_ value: YAMLValue, _ place: String) -> StageConfiguration? {
        value.mapping(place) { keys -> StageConfiguration? in
            keys.require("selector")
            let stages = list(keys["stages"], "\(place).stages")
            let isDrop = keys["action"]?.choice(of: ["keep", "drop"]) == "drop"
            let reason = keys["drop_counter_reason"]?.string ?? "match_stage"
            _ = keys["pipeline_name"]?.string
            guard let selector = keys["selector"] else { return nil }
            if isDrop && !stages.isEmpty { keys.note("match with action drop has no stages", at: "stages") }
            guard let query = LogSelector.parse(selector) else { return nil }
            return .match(query.matchers, query.plan, dropReason: isDrop ? reason : nil, stages)
        } ?? nil
    }
}
