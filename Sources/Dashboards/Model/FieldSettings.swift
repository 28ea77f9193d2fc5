/// How values are shown. Everything is optional: defaults, then each matching override, are laid over one another.
public struct FieldSettings: Equatable, Sendable {
    public enum Shape: String, Sendable {
        case line
        case bars
        case points
    }

    public enum Stacking: String, Sendable {
        case none
        case normal
        case percent
    }

    public var unit: String?
    public var decimals: Int?
    public var minimum: Double?
    public var maximum: Double?
    public var displayName: String?
    public var noValue: String?
    /// `palette-classic`, `thresholds`, `fixed`, `continuous-…`, `shades`.
    public var colorMode: String?
    public var fixedColor: RGBColor?
    public var thresholds: Thresholds?
    public var mappings: [ValueMapping]?
    public var shape: Shape?
    public var interpolation: String?
    /// 0 to 100.
    public var fillOpacity: Double?
    public var stacking: Stacking?
    public var stackGroup: String?
    /// `true` is any gap; otherwise gaps up to so many milliseconds.
    public var spansGaps: Bool?
    public var logBase: Double?
    /// `off`, `line`, `area`, `dashed`, …
    public var thresholdsStyle: String?
    /// Series is drawn below zero.
    public var isNegated: Bool?
    public var isConstantTransform: Bool?
    public var isHidden: Bool?
    public var isHiddenInLegend: Bool?
    /// Table cells: `auto`, `color-text`, `color-background`, `gauge`, `sparkline`, …
    public var cellType: String?
    /// Pixels.
    public var columnWidth: Double?
    public var alignment: String?

    public init() {}

    /// These settings with those of `over` in front.
    public func overlaid(by over: FieldSettings) -> FieldSettings {
        var result = self
        func take<T>(_ path: WritableKeyPath<FieldSettings, T?>) {
            if let value = over[keyPath: path] { result[keyPath: path] = value }
        }
        take(\.unit)
        take(\.decimals)
        take(\.minimum)
        take(\.maximum)
        take(\.displayName)
        take(\.noValue)
        take(\.colorMode)
        take(\.fixedColor)
        take(\.thresholds)
        take(\.mappings)
        take(\.shape)
        take(\.interpolation)
        take(\.fillOpacity)
        take(\.stacking)
        take(\.stackGroup)
        take(\.spansGaps)
        take(\.logBase)
        take(\.thresholdsStyle)
        take(\.isNegated)
        take(\.isConstantTransform)
        take(\.isHidden)
        take(\.isHiddenInLegend)
        take(\.cellType)
        take(\.columnWidth)
        take(\.alignment)
        return result
    }
}

/// Settings for all fields of a panel, and for those that match.
public struct FieldConfig: Equatable, Sendable {
    public var defaults = FieldSettings()
    public var overrides: [FieldOverride] = []

    public init() {}
}

public struct FieldOverride: Equatable, Sendable {
    public enum Matcher: Equatable, Sendable {
        case name(String)
        case names([String])
        /// Pattern without slashes.
        case pattern(String)
        /// `number`, `string`, `time`.
        case type(String)
        /// Target id.
        case query(String)
        /// A matcher this doesn't know: matches nothing.
        case unknown(String)
    }

    public var matcher: Matcher
    public var settings: FieldSettings

    public init(matcher: Matcher, settings: FieldSettings) {
        self.matcher = matcher
        self.settings = settings
    }
}

/// Colours by value.
public struct Thresholds: Equatable, Sendable {
    public struct Step: Equatable, Sendable {
        /// From this value on; minus infinity for the first.
        public var value: Double
        /// Nil means the terminal's own colour (`transparent`, `text`).
        public var color: RGBColor?

        public init(value: Double, color: RGBColor?) {
            self.value = value
            self.color = color
        }
    }

    /// Ascending.
    public var steps: [Step]
    /// Values are parts of the range in percent.
    public var isPercentage: Bool

    public init(steps: [Step], isPercentage: Bool = false) {
        self.steps = steps.sorted { $0.value < $1.value }
        self.isPercentage = isPercentage
    }

    /// Green, then red from 80: what Grafana starts with.
    public static let standard = Thresholds(steps: [
        Step(value: -.infinity, color: RGBColor("green")), Step(value: 80, color: RGBColor("red")),
    ])

    /// The step in force: the last one not above `value`.
    public func step(_ value: Double, minimum: Double, maximum: Double) -> Step? {
        let judged = isPercentage ? (maximum > minimum ? (value - minimum) / (maximum - minimum) * 100 : 0) : value
        return steps.last { $0.value <= judged } ?? steps.first
    }

    /// A step's value on the field's own scale.
    public func absolute(_ step: Step, minimum: Double, maximum: Double) -> Double {
        isPercentage ? minimum + step.value / 100 * (maximum - minimum) : step.value
    }
}

/// Text and colour instead of a value.
public struct ValueMapping: Equatable, Sendable {
    public enum Condition: Equatable, Sendable {
        case value(String)
        case range(from: Double, to: Double)
        case pattern(String)
        /// `null`, `nan`, `null+nan`, `true`, `false`, `empty`.
        case special(String)
    }

    public var condition: Condition
    public var text: String?
    public var color: RGBColor?

    public init(condition: Condition, text: String?, color: RGBColor?) {
        self.condition = condition
        self.text = text
        self.color = color
    }

    /// Whether this stands for a number; NaN stands for a missing one.
    public func matches(_ value: Double) -> Bool {
        switch condition {
        case .value(let text): Double(text) == value
        case .range(let from, let to): value >= from && value <= to
        case .pattern: false
        case .special(let kind):
            switch kind {
            case "null", "nan", "null+nan", "empty": value.isNaN
            case "true": value == 1
            case "false": value == 0
            default: false
            }
        }
    }
}
