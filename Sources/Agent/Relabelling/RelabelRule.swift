import Bedrock
import Model

/// One entry of `relabel_configs` or `metric_relabel_configs`, checked. Immutable and thread-safe.
public struct RelabelRule: Sendable, Equatable {
    public enum Action: String, Sendable, CaseIterable {
        case replace, keep, drop, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase, keepequal, dropequal
    }

    /// As the configuration has it, with Prometheus' defaults for what it leaves out (nil).
    public struct Settings: Equatable, Sendable {
        public var action = Action.replace
        public var sourceLabels: [String] = []
        public var separator: String?
        public var targetLabel: String?
        public var regex: String?
        public var modulus: UInt64?
        public var replacement: String?

        public init() {}
    }

    /// Why a rule makes no sense.
    public enum Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        case targetMissing(Action)
        case modulusMissing
        case labelName(String, field: String, Action)
        case tooManyFields(Action, allowed: String)
        case regex(RegexError)

        public var description: String {
            switch self {
            case .targetMissing(let action):
                "relabel configuration for \(action.rawValue) action requires 'target_label' value"
            case .modulusMissing: "relabel configuration for hashmod requires non-zero modulus"
            case .labelName(let text, let field, let action):
                "\(quoted(text)) is invalid '\(field)' for \(action.rawValue) action"
            case .tooManyFields(let action, let allowed):
                "\(action.rawValue) action requires only \(allowed), and no other fields"
            case .regex(let error): error.description
            }
        }
    }

    /// What it was made from.
    public let settings: Settings
    public let action: Action
    public let sourceLabels: [String]
    public let separator: String
    public let targetLabel: String
    public let modulus: UInt64
    public let replacement: String
    let regex: RegularExpression

    public init(_ settings: Settings) throws(Invalid) {
        try Self.check(settings)
        self.settings = settings
        action = settings.action
        sourceLabels = settings.sourceLabels
        separator = settings.separator ?? ";"
        targetLabel = settings.targetLabel ?? ""
        modulus = settings.modulus ?? 0
        replacement = settings.replacement ?? "$1"
        do { regex = try RegularExpression(settings.regex ?? "(.*)", anchored: true) } catch { throw .regex(error) }
    }

    public static func == (a: RelabelRule, b: RelabelRule) -> Bool { a.settings == b.settings }

    private static func check(_ s: Settings) throws(Invalid) {
        let target = s.targetLabel ?? ""
        switch s.action {
        case .replace, .hashmod, .lowercase, .uppercase, .keepequal, .dropequal:
            if target.isEmpty { throw .targetMissing(s.action) }
            if s.action == .hashmod && (s.modulus ?? 0) == 0 { throw .modulusMissing }
            if s.action != .replace && target.contains("$") && !isLegacyLabelName(target) {
                throw .labelName(target, field: "target_label", s.action)
            }
        case .labelmap:
            if s.replacement?.isEmpty == true { throw .labelName("", field: "replacement", s.action) }
        case .keep, .drop, .labeldrop, .labelkeep: break
        }
        switch s.action {
        case .keepequal, .dropequal:
            if s.regex != nil || s.modulus != nil || s.separator != nil || s.replacement != nil {
                throw .tooManyFields(s.action, allowed: "'source_labels' and `target_label`")
            }
        case .labeldrop, .labelkeep:
            if !s.sourceLabels.isEmpty || s.targetLabel != nil || s.modulus != nil || s.separator != nil
                || s.replacement != nil
            {
                throw .tooManyFields(s.action, allowed: "'regex'")
            }
        case .replace, .keep, .drop, .hashmod, .labelmap, .lowercase, .uppercase: break
        }
    }
}
