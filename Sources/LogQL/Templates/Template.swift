import Bedrock

/// A parsed template: Go's text/template language, with functions from a table that is passed in. Immutable and thread-safe.
public final class Template: @unchecked Sendable {
    // Nodes point into `constants`, which is written while parsing only.

    /// What errors call the template.
    public let name: String
    /// Names of fields of the root, by `TemplateField.index`.
    public let fieldNames: [String]
    /// Whether more of the root may be looked at than `fieldNames`: `range .`, `index . $x`, `{{ . }}`.
    public let usesWholeRoot: Bool
    /// Names of the functions that are called.
    public let functionNames: Set<String>
    let main: TemplateBody
    let definitions: [String: TemplateBody]
    private let constants: ScratchArena

    /// - Parameter functions: all that may be called, the built-in ones excepted.
    /// - Throws: `template: NAME:LINE: ...`
    public init(_ source: String, name: String, functions: TemplateFunctions) throws(TemplateFailure) {
        guard source.utf8.count <= TemplateLimits.sourceBytesMax else {
            throw TemplateFailure("template: \(name):1: longer than \(TemplateLimits.sourceBytesMax) bytes")
        }
        var parser = TemplateParser(source, name: name, functions: functions)
        main = try parser.run()
        self.name = name
        definitions = parser.definitions
        fieldNames = parser.fieldNames
        usesWholeRoot = parser.usesWholeRoot
        functionNames = parser.functionNames
        constants = parser.constants
    }

    /// The text, when the template is nothing else.
    var constantText: UnsafeRawBufferPointer? {
        guard main.nodes.count == 1, case .text(let bytes) = main.nodes[0] else { return nil }
        return bytes
    }
}

/// The nodes of a template or definition.
struct TemplateBody {
    var nodes: [TemplateNode]
    /// Variables, `$` included.
    var variableCount: Int
}

indirect enum TemplateNode {
    case text(UnsafeRawBufferPointer)
    case output(TemplatePipeline)
    case condition(TemplatePipeline, then: [TemplateNode], otherwise: [TemplateNode])
    case with(TemplatePipeline, then: [TemplateNode], otherwise: [TemplateNode])
    case range(TemplatePipeline, body: [TemplateNode], otherwise: [TemplateNode])
    case template(name: String, TemplatePipeline?, TemplatePlace)
    case breakLoop
    case continueLoop
}

/// `$a, $b := command | command`
struct TemplatePipeline {
    /// Slots of the variables that are set.
    var variables: [Int]
    var commands: [TemplateCommand]
}

/// An operand, or a function or method and its arguments.
struct TemplateCommand {
    var operands: [TemplateOperand]
    var place: TemplatePlace
}

/// Where in the source, for messages.
struct TemplatePlace {
    var line: Int
    /// Bytes from the start of the line.
    var column: Int
    /// The source of the node.
    var text: String
}

indirect enum TemplateOperand {
    case dot
    case none
    case text(UnsafeRawBufferPointer)
    case integer(Int64)
    case number(Double)
    case bool(Bool)
    case function(TemplateFunction, TemplatePlace)
    /// Fields of the dot.
    case field([TemplateField], TemplatePlace)
    case variable(Int, [TemplateField], TemplatePlace)
    case group(TemplatePipeline, [TemplateField], TemplatePlace)
}

/// Functions by name.
public struct TemplateFunctions: Sendable {
    private var byName: [String: TemplateFunction] = [:]

    public init(_ functions: [TemplateFunction]) { for function in functions { byName[function.name] = function } }

    public subscript(name: String) -> TemplateFunction? { byName[name] }

    /// For suggestions.
    public var names: [String] { byName.keys.sorted() }

    /// This table with others on top.
    public func adding(_ functions: [TemplateFunction]) -> TemplateFunctions {
        var result = self
        for function in functions { result.byName[function.name] = function }
        return result
    }
}

/// A function that templates may call.
public struct TemplateFunction: Sendable {
    public typealias Body = @Sendable (TemplateCall) throws(TemplateFailure) -> TemplateValue

    public let name: String
    /// How many arguments it takes.
    public let arguments: ClosedRange<Int>
    let body: Body

    /// - Parameters:
    ///   - arguments: how many it takes; any number above `TemplateFunction.many` reads as "any number".
    public init(_ name: String, _ arguments: ClosedRange<Int>, _ body: @escaping Body) {
        self.name = name
        self.arguments = arguments
        self.body = body
    }

    /// Takes exactly so many arguments.
    public init(_ name: String, _ arguments: Int, _ body: @escaping Body) {
        self.init(name, arguments...arguments, body)
    }

    /// No bound on the number of arguments but the stack.
    public static let many = 1 << 20
}
