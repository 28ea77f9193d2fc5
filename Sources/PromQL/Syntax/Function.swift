/// Every function of the language, by its name.
public enum Function: String, CaseIterable, Hashable, Sendable {
    case abs, absent, acos, acosh, asin, asinh, atan, atanh, ceil, changes, clamp, cos, cosh, deg, delta, deriv, end,
        exp, floor, hour, idelta, increase, info, irate, ln, log10, log2, minute, month, pi, rad, range, rate, resets,
        round, scalar, sgn, sin, sinh, sort, sqrt, start, step, tan, tanh, time, timestamp, vector, year
    case absentOverTime = "absent_over_time"
    case avgOverTime = "avg_over_time"
    case clampMax = "clamp_max"
    case clampMin = "clamp_min"
    case countOverTime = "count_over_time"
    case dayOfMonth = "day_of_month"
    case dayOfWeek = "day_of_week"
    case dayOfYear = "day_of_year"
    case daysInMonth = "days_in_month"
    case doubleExponentialSmoothing = "double_exponential_smoothing"
    case firstOverTime = "first_over_time"
    case histogramAvg = "histogram_avg"
    case histogramCount = "histogram_count"
    case histogramFraction = "histogram_fraction"
    case histogramQuantile = "histogram_quantile"
    case histogramQuantiles = "histogram_quantiles"
    case histogramStddev = "histogram_stddev"
    case histogramStdvar = "histogram_stdvar"
    case histogramSum = "histogram_sum"
    case labelJoin = "label_join"
    case labelReplace = "label_replace"
    case lastOverTime = "last_over_time"
    case madOverTime = "mad_over_time"
    case maxOf = "max_of"
    case maxOverTime = "max_over_time"
    case minOf = "min_of"
    case minOverTime = "min_over_time"
    case predictLinear = "predict_linear"
    case presentOverTime = "present_over_time"
    case quantileOverTime = "quantile_over_time"
    case sortByLabel = "sort_by_label"
    case sortByLabelDesc = "sort_by_label_desc"
    case sortDesc = "sort_desc"
    case startTimestamp = "start_timestamp"
    case stddevOverTime = "stddev_over_time"
    case stdvarOverTime = "stdvar_over_time"
    case sumOverTime = "sum_over_time"
    case tsOfFirstOverTime = "ts_of_first_over_time"
    case tsOfLastOverTime = "ts_of_last_over_time"
    case tsOfMaxOverTime = "ts_of_max_over_time"
    case tsOfMinOverTime = "ts_of_min_over_time"

    public var name: String { rawValue }
}

/// What a function takes and gives.
public struct FunctionSignature: Hashable, Sendable {
    /// Types by position; the last one holds for all further arguments.
    public let arguments: [ValueType]
    /// The fewest arguments of a call.
    public let argumentsMin: Int
    /// The most, nil: any number.
    public let argumentsMax: Int?
    public let returns: ValueType
    /// Only with the parser option for experimental functions.
    public let isExperimental: Bool

    init(
        _ arguments: [ValueType], _ returns: ValueType, min: Int? = nil, max: Int? = nil, unbounded: Bool = false,
        experimental: Bool = false
    ) {
        self.arguments = arguments
        argumentsMin = min ?? arguments.count
        argumentsMax = unbounded ? nil : max ?? arguments.count
        self.returns = returns
        isExperimental = experimental
    }

    /// The type that argument `index` must have.
    public func argumentType(_ index: Int) -> ValueType? { index < arguments.count ? arguments[index] : arguments.last }
}

extension Function {
    public var signature: FunctionSignature {
        switch self {
        case .abs, .absent, .acos, .acosh, .asin, .asinh, .atan, .atanh, .ceil, .cos, .cosh, .deg, .exp, .floor,
            .histogramAvg, .histogramCount, .histogramStddev, .histogramStdvar, .histogramSum, .ln, .log10, .log2,
            .rad, .sgn, .sin, .sinh, .sort, .sortDesc, .sqrt, .tan, .tanh, .timestamp:
            FunctionSignature([.vector], .vector)
        case .startTimestamp:
            FunctionSignature([.vector], .vector, experimental: true)
        case .absentOverTime, .avgOverTime, .changes, .countOverTime, .delta, .deriv, .idelta, .increase, .irate,
            .lastOverTime, .maxOverTime, .minOverTime, .presentOverTime, .rate, .resets, .stddevOverTime,
            .stdvarOverTime, .sumOverTime:
            FunctionSignature([.matrix], .vector)
        case .firstOverTime, .madOverTime, .tsOfFirstOverTime, .tsOfLastOverTime, .tsOfMaxOverTime, .tsOfMinOverTime:
            FunctionSignature([.matrix], .vector, experimental: true)
        case .dayOfMonth, .dayOfWeek, .dayOfYear, .daysInMonth, .hour, .minute, .month, .year:
            FunctionSignature([.vector], .vector, min: 0)
        case .clamp: FunctionSignature([.vector, .scalar, .scalar], .vector)
        case .clampMax, .clampMin: FunctionSignature([.vector, .scalar], .vector)
        case .doubleExponentialSmoothing:
            FunctionSignature([.matrix, .scalar, .scalar], .vector, experimental: true)
        case .histogramFraction: FunctionSignature([.scalar, .scalar, .vector], .vector)
        case .histogramQuantile: FunctionSignature([.scalar, .vector], .vector)
        case .histogramQuantiles:
            FunctionSignature([.vector, .string, .scalar], .vector, max: 12, experimental: true)
        case .info: FunctionSignature([.vector, .vector], .vector, min: 1, experimental: true)
        case .labelJoin: FunctionSignature([.vector, .string, .string, .string], .vector, min: 3, unbounded: true)
        case .labelReplace: FunctionSignature([.vector, .string, .string, .string, .string], .vector)
        case .maxOf, .minOf: FunctionSignature([.scalar, .scalar], .scalar, experimental: true)
        case .pi, .time: FunctionSignature([], .scalar)
        case .end, .range, .start, .step: FunctionSignature([], .scalar, experimental: true)
        case .predictLinear: FunctionSignature([.matrix, .scalar], .vector)
        case .quantileOverTime: FunctionSignature([.scalar, .matrix], .vector)
        case .round: FunctionSignature([.vector, .scalar], .vector, min: 1)
        case .scalar: FunctionSignature([.vector], .scalar)
        case .sortByLabel, .sortByLabelDesc:
            FunctionSignature([.vector, .string], .vector, min: 1, unbounded: true, experimental: true)
        case .vector: FunctionSignature([.scalar], .vector)
        }
    }
}
