import Bedrock

@_exported import struct Model.Attribute
@_exported import enum Model.AttributeValue

/// Names with typed values, as OpenTelemetry attaches them to everything. A name given twice keeps the value given last.
///
/// Written as a dictionary: `["http.request.method": "GET", "http.response.status_code": 200]`. Building one allocates: on hot paths use
/// bound instruments, and the `set` of spans and log records.
public struct Attributes: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    /// In the order of names, each once.
    public private(set) var entries: [Attribute] = []

    public init() {}

    public init(_ entries: some Sequence<Attribute>) { for entry in entries { self[entry.key] = entry.value } }

    public init(dictionaryLiteral elements: (String, AttributeValue)...) {
        for (key, value) in elements { self[key] = value }
    }

    public var isEmpty: Bool { entries.isEmpty }

    /// The value of `key`; nil removes it.
    public subscript(key: String) -> AttributeValue? {
        get {
            let at = place(of: key)
            return at < entries.count && entries[at].key == key ? entries[at].value : nil
        }
        set {
            let at = place(of: key)
            let isKnown = at < entries.count && entries[at].key == key
            switch (newValue, isKnown) {
            case (let value?, true): entries[at].value = value
            case (let value?, false): entries.insert(Attribute(key, value), at: at)
            case (nil, true): entries.remove(at: at)
            case (nil, false): break
            }
        }
    }

    /// These, and those of `others` whose names are not among them.
    public func over(_ others: Attributes) -> Attributes {
        var merged = others
        for entry in entries { merged[entry.key] = entry.value }
        return merged
    }

    private func place(of key: String) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension AttributeValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    public init(stringLiteral value: String) { self = .string(value) }
}

extension AttributeValue: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral {
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension AttributeValue: ExpressibleByArrayLiteral {
    public init(arrayLiteral elements: AttributeValue...) { self = .array(elements) }
}
