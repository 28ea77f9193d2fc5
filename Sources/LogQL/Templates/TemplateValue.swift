import Bedrock

/// What a template computes with. Texts, and the keys of maps, point into memory that lives as long as the run: the row, the template's
/// constants, or the run's arena.
public enum TemplateValue {
    /// Nothing: a key that a map lacks, JSON's null.
    case none
    case text(UnsafeRawBufferPointer)
    case integer(Int64)
    case number(Double)
    case bool(Bool)
    case time(TemplateTime)
    /// Nanoseconds.
    case duration(Int64)
    case list([TemplateValue])
    case map(TemplateMap)
    /// What the template is run on; its fields are asked of the `TemplateRoot`.
    case root
    case object(any TemplateObject)

    static var empty: TemplateValue { .text(UnsafeRawBufferPointer(start: nil, count: 0)) }

    /// Go's truth: anything but false, zero, nothing and what is empty.
    var isTrue: Bool {
        switch self {
        case .none: false
        case .text(let text): text.count > 0
        case .integer(let value), .duration(let value): value != 0
        case .number(let value): value != 0
        case .bool(let value): value
        case .list(let values): !values.isEmpty
        case .map(let map): map.count > 0
        case .time, .root, .object: true
        }
    }

    /// Go's name of the type, for messages.
    var typeName: StaticString {
        switch self {
        case .none: "nil"
        case .text: "string"
        case .integer: "int"
        case .number: "float64"
        case .bool: "bool"
        case .time: "time.Time"
        case .duration: "time.Duration"
        case .list: "[]interface {}"
        case .map, .root: "map[string]interface {}"
        case .object: "object"
        }
    }
}

/// A map with text keys, immutable, sorted by key as templates go over it.
public final class TemplateMap {
    private let members: [(key: UnsafeRawBufferPointer, value: TemplateValue)]
    /// What a key gives that the map lacks.
    public let missing: TemplateValue

    /// Of equal keys the last one counts.
    public init(_ members: [(key: UnsafeRawBufferPointer, value: TemplateValue)], missing: TemplateValue = .none) {
        var sorted: [(key: UnsafeRawBufferPointer, value: TemplateValue)] = []
        for member in members.enumerated().sorted(by: { precedes($0, $1) }) {
            if let last = sorted.last, equalBytes(last.key, member.element.key) { sorted.removeLast() }
            sorted.append(member.element)
        }
        self.members = sorted
        self.missing = missing
    }

    public var count: Int { members.count }

    public subscript(index: Int) -> (key: UnsafeRawBufferPointer, value: TemplateValue) { members[index] }

    public func value(_ key: UnsafeRawBufferPointer) -> TemplateValue {
        var low = 0
        var high = members.count
        while low < high {
            let middle = (low + high) / 2
            if compareKeys(members[middle].key, key) < 0 { low = middle + 1 } else { high = middle }
        }
        return low < members.count && equalBytes(members[low].key, key) ? members[low].value : missing
    }
}

private func compareKeys(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    for i in 0..<min(a.count, b.count) where a[i] != b[i] { return Int(a[i]) - Int(b[i]) }
    return a.count - b.count
}

private func precedes(
    _ a: (offset: Int, element: (key: UnsafeRawBufferPointer, value: TemplateValue)),
    _ b: (offset: Int, element: (key: UnsafeRawBufferPointer, value: TemplateValue))
) -> Bool {
    let order = compareKeys(a.element.key, b.element.key)
    return order != 0 ? order < 0 : a.offset < b.offset
}

/// Something with fields and methods that the engine doesn't know, such as a sample in an alert's template.
public protocol TemplateObject: AnyObject {
    /// A field, or a method with its arguments; nil when there is none of that name.
    func member(
        _ name: UnsafeRawBufferPointer, _ arguments: UnsafeBufferPointer<TemplateValue>, _ context: TemplateContext
    ) throws(TemplateFailure) -> TemplateValue?
    /// As `{{ . }}` writes it.
    func write(into out: inout ByteBuffer)
}

/// What a template is run on.
public protocol TemplateRoot {
    /// A field that the template mentions.
    func value(_ field: TemplateField) -> TemplateValue
    /// A field by name, as `index . "name"` asks.
    func value(named name: UnsafeRawBufferPointer) -> TemplateValue
    /// All fields, for `range .`, `len .` and `{{ . }}`.
    func map() -> TemplateMap
}

/// A field's name as a template has it.
public struct TemplateField: @unchecked Sendable {
    // The bytes belong to the program's constants, which never change.
    public let name: UnsafeRawBufferPointer
    /// Into `Template.fieldNames`; -1 where the name is none of the root's.
    public let index: Int
}

/// Why a template stopped.
public struct TemplateFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let message: String

    public init(_ message: String) { self.message = message }

    public var description: String { message }
}

/// Bounds on what a template may cost.
public enum TemplateLimits {
    /// Bytes of a template's text.
    public static let sourceBytesMax = 64 << 10
    /// Nesting of parentheses, blocks and template calls.
    public static let depthMax = 64
    /// Bytes of output, and of any text made on the way.
    public static let outputBytesMax = 4 << 20
    /// Actions, calls and loop rounds in one run.
    public static let stepsMax = 200_000
    /// Bytes that all calls of one run may make on the way.
    public static let workBytesMax = 32 << 20
}
