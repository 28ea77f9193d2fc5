import Formats

/// A value of a JSON document with its path. Wrong types are noted and read as absent, so that one slip doesn't cost a dashboard.
struct DocumentNode {
    let value: JSONValue?
    let path: String
    let notes: DocumentNotes

    subscript(key: String) -> DocumentNode {
        DocumentNode(value: value?[key], path: path.isEmpty ? key : path + "." + key, notes: notes)
    }

    /// Absent and null are the same.
    var isAbsent: Bool { value?.isNull ?? true }

    var exists: Bool { !isAbsent }

    func note(_ reason: String) { notes.problems.append(DashboardProblem(path: path, reason: reason)) }

    private func wrong<T>(_ wanted: String) -> T? {
        if exists { note("expected \(wanted), not \(kind)") }
        return nil
    }

    private var kind: String {
        switch value {
        case .null, nil: "nothing"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }

    var string: String? { value?.string ?? wrong("a string") }

    /// A string, or a number or boolean as its text: Grafana itself is loose about these.
    var looseString: String? {
        switch value {
        case .string(let text): text
        case .number(let number):
            number == number.rounded() && abs(number) < 1e15 ? String(Int64(number)) : String(number)
        case .bool(let flag): flag ? "true" : "false"
        default: wrong("a string")
        }
    }

    /// A number, or a string that is one.
    var number: Double? {
        if let text = value?.string { return text.isEmpty ? nil : Double(text) ?? wrong("a number") }
        return value?.number ?? wrong("a number")
    }

    /// A whole number; fractions are cut.
    var int: Int? {
        guard let number else { return nil }
        guard number.isFinite, abs(number) < 1e9 else { return wrong("a number below 1e9") }
        return Int(number)
    }

    var bool: Bool? { value?.bool ?? wrong("true or false") }

    var list: [DocumentNode] {
        guard let elements = value?.array else {
            let none: [DocumentNode]? = wrong("a list")
            return none ?? []
        }
        return elements.enumerated().map { DocumentNode(value: $1, path: "\(path)[\($0)]", notes: notes) }
    }

    var strings: [String] { list.compactMap(\.looseString) }

    var members: [(key: String, node: DocumentNode)] {
        (value?.object?.members ?? []).map { ($0.key, self[$0.key]) }
    }

    var isObject: Bool { value?.object != nil }
}

/// Gathers what is noted while a document is read. Not thread-safe.
final class DocumentNotes {
    var problems: [DashboardProblem] = []
}
