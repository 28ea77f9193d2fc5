import Model

/// How queries spell fields.
enum FieldNames {
    /// Words that stand alone.
    static let plain: [String: SpanIntrinsic] = [
        "name": .name, "status": .status, "statusMessage": .statusMessage, "kind": .kind, "duration": .duration,
        "traceDuration": .traceDuration, "rootName": .rootName, "rootServiceName": .rootServiceName,
        "nestedSetLeft": .nestedSetLeft, "nestedSetRight": .nestedSetRight, "nestedSetParent": .nestedSetParent,
    ]

    /// Words behind a scope and a colon.
    static let scoped: [String: [String: SpanIntrinsic]] = [
        "span": [
            "duration": .duration, "name": .name, "status": .status, "statusMessage": .statusMessage, "kind": .kind,
            "id": .spanID, "parentID": .parentID, "childCount": .childCount,
        ],
        "trace": [
            "duration": .traceDuration, "rootName": .rootName, "rootService": .rootServiceName, "id": .traceID,
        ],
        "event": ["name": .eventName, "timeSinceStart": .eventTimeSinceStart],
        "link": ["spanID": .linkSpanID, "traceID": .linkTraceID],
        "instrumentation": ["name": .scopeName, "version": .scopeVersion],
    ]

    static let scopes: [String: AttributeScope] = [
        "span": .span, "resource": .resource, "event": .event, "link": .link, "instrumentation": .instrumentation,
    ]

    static let statuses: [String: SpanStatus] = ["ok": .ok, "error": .error, "unset": .unset]

    static let kinds: [String: SpanKind] = [
        "unspecified": .unspecified, "internal": .internal, "server": .server, "client": .client,
        "producer": .producer, "consumer": .consumer,
    ]

    /// The words that a field expression may begin with.
    static let expressionWords =
        Array(plain.keys) + Array(statuses.keys) + Array(kinds.keys) + ["true", "false", "nil", "minInt", "maxInt"]

    /// Bytes that end an attribute's name outside of quotes.
    static func endsName(_ c: UInt8) -> Bool {
        switch c {
        case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "="),
            UInt8(ascii: "~"), UInt8(ascii: "!"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"),
            UInt8(ascii: "|"), UInt8(ascii: "^"), UInt8(ascii: ","):
            true
        default: c <= 32
        }
    }
}

extension SpanIntrinsic {
    /// The name that queries use; nil for what they can't ask.
    public var text: String? {
        switch self {
        case .name: "name"
        case .status: "status"
        case .statusMessage: "statusMessage"
        case .kind: "kind"
        case .duration: "duration"
        case .spanID: "span:id"
        case .parentID: "span:parentID"
        case .start: nil
        case .scopeName: "instrumentation:name"
        case .scopeVersion: "instrumentation:version"
        case .eventName: "event:name"
        case .eventTimeSinceStart: "event:timeSinceStart"
        case .linkTraceID: "link:traceID"
        case .linkSpanID: "link:spanID"
        case .traceID: "trace:id"
        case .traceDuration: "traceDuration"
        case .rootName: "rootName"
        case .rootServiceName: "rootServiceName"
        case .childCount: "span:childCount"
        case .nestedSetLeft: "nestedSetLeft"
        case .nestedSetRight: "nestedSetRight"
        case .nestedSetParent: "nestedSetParent"
        }
    }

    /// The type of its values.
    var valueType: SpanValueType {
        switch self {
        case .name, .statusMessage, .spanID, .parentID, .scopeName, .scopeVersion, .eventName, .linkTraceID,
            .linkSpanID, .traceID, .rootName, .rootServiceName:
            .string
        case .status: .status
        case .kind: .kind
        case .duration, .eventTimeSinceStart, .traceDuration: .duration
        case .start, .childCount, .nestedSetLeft, .nestedSetRight, .nestedSetParent: .int
        }
    }
}
