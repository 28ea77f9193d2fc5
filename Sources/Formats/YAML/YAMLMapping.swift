import Bedrock

/// The known keys of a mapping, gathered as the code asks for them. Not thread-safe.
public final class YAMLMapping {
    private let values: [YAMLEntry]
    private let position: TextPosition
    private let reader: YAMLReader
    private let place: String
    private var known: [String] = []

    init(_ values: [YAMLEntry], at position: TextPosition, place: String, _ reader: YAMLReader) {
        self.values = values
        self.place = place.isEmpty ? "" : " in " + place
        self.position = position
        self.reader = reader
    }

    /// The value of `key`, nil when it is absent or null. Asking makes the key a known one.
    public subscript(key: String) -> YAMLValue? {
        known.append(key)
        guard let value = values.first(where: { $0.key == key })?.value, !value.isNull else { return nil }
        return YAMLValue(value, reader)
    }

    /// Notes a key that is absent or null.
    public func require(_ keys: String...) {
        for key in keys where self[key] == nil { reader.note("\"\(key)\" is missing here", at: position) }
    }

    /// Notes a problem with the whole mapping.
    public func note(_ reason: String) { reader.note(reason, at: position) }

    /// Notes a problem with the value of `key`, or with the whole mapping where the key is absent.
    public func note(_ reason: String, at key: String) {
        reader.note(reason, at: values.first { $0.key == key }?.value.position ?? position)
    }

    func noteUnknownKeys() {
        for entry in values where !known.contains(entry.key) {
            reader.note(
                "unknown key \"\(entry.key)\"\(place)\(Suggestion.hint(entry.key, in: known))", at: entry.keyPosition)
        }
    }
}
