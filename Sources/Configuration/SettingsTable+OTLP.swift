import Formats

/// Settings of OTLP metrics; names and defaults as in the section `otlp` of Prometheus' configuration, where it has them.
extension SettingsTable {
    public static let otlpStrategy = Setting(
        "otlp.translation_strategy", OTLPNameStrategy.underscoreEscapingWithSuffixes,
        "How OTLP's names of metrics and attributes become names of series and labels.")
    public static let otlpPromoted = Setting(
        "otlp.promote_resource_attributes", "",
        "Resource attributes that become labels of every series, with commas between them; *: all.")
    public static let otlpIgnored = Setting(
        "otlp.ignore_resource_attributes", "", "Resource attributes that don't, when all others do.")
    public static let otlpKeepsIdentity = Setting(
        "otlp.keep_identifying_resource_attributes", false,
        "Leave service.name, service.namespace and service.instance.id in target_info, too.")
    public static let otlpScope = Setting(
        "otlp.promote_scope_metadata", false, "Give series the labels otel_scope_name, otel_scope_version and so on.")
    public static let otlpLeadingUnderscore = Setting(
        "otlp.label_name_underscore_sanitization", true, "Put key before names of labels that begin with _.")
    public static let otlpUnderscores = Setting(
        "otlp.label_name_preserve_multiple_underscores", true, "Keep several _ in a row in names of labels.")
    public static let otlpHistograms = Setting(
        "otlp.convert_histograms_to_nhcb", false, "Store classic histograms as native ones with custom bounds.")
    public static let otlpDelta = Setting(
        "otlp.delta", OTLPDeltaMode.cumulative,
        "What says only what is new is added up (cumulative), stored as it comes (raw) or left out (refuse).")
    public static let otlpDeltaSeries = Setting(
        "otlp.delta_series", 100_000, "Most series that are added up at once; those silent for an hour make room.",
        check: { $0 > 0 ? nil : "otlp.delta_series must be at least 1" })

    static let otlpMetrics: [any AnySetting] = [
        otlpStrategy, otlpPromoted, otlpIgnored, otlpKeepsIdentity, otlpScope, otlpLeadingUnderscore, otlpUnderscores,
        otlpHistograms, otlpDelta, otlpDeltaSeries,
    ]
}

extension OTLPNameStrategy: SettingValue {
    public static func parse(_ text: String) throws(SettingError) -> OTLPNameStrategy {
        guard let value = OTLPNameStrategy(rawValue: text) else {
            let names = allCases.map(\.rawValue).joined(separator: ", ")
            throw SettingError("\"\(text)\" is none of \(names)")
        }
        return value
    }

    public var text: String { rawValue }
    public static var placeholder: String { "STRATEGY" }
}

extension OTLPDeltaMode: SettingValue {
    public static func parse(_ text: String) throws(SettingError) -> OTLPDeltaMode {
        guard let value = OTLPDeltaMode(rawValue: text) else {
            throw SettingError("\"\(text)\" is none of cumulative, raw, refuse")
        }
        return value
    }

    public var text: String { rawValue }
    public static var placeholder: String { "cumulative|raw|refuse" }
}
