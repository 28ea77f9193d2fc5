import Bedrock

/// From text to nodes. Variables get their slots here, functions are looked up here.
struct TemplateParser {
    private let name: String
    private let functions: TemplateFunctions
    var scan: TemplateScanner
    let constants = ScratchArena(blockBytes: 1 << 10)
    private(set) var definitions: [String: TemplateBody] = [:]
    private(set) var fieldNames: [String] = []
    private(set) var usesWholeRoot = false
    private(set) var functionNames: Set<String> = []
    /// Variables in scope, innermost last, by slot.
    private var scope: [(name: String, slot: Int)] = [("$", 0)]
    private var variableCount = 1
    private var depth = 0
    /// Loops around the node in work.
    private var loops = 0
    /// Whether the dot is the root here, so that fields of it are fields of the root.
    private var dotIsRoot = true

    init(_ source: String, name: String, functions: TemplateFunctions) {
        self.name = name
        self.functions = functions
        scan = TemplateScanner(Array(source.utf8))
    }

    mutating func run() throws(TemplateFailure) -> TemplateBody {
        let (nodes, end) = try list()
        guard end == nil else { throw failure("unexpected {{\(end?.word ?? "end")}}") }
        return TemplateBody(nodes: nodes, variableCount: variableCount)
    }

    func failure(_ message: String) -> TemplateFailure {
        TemplateFailure("template: \(name):\(scan.line(scan.at)): \(message)")
    }

    private mutating func enter() throws(TemplateFailure) {
        depth += 1
        guard depth <= TemplateLimits.depthMax else { throw failure("nested deeper than \(TemplateLimits.depthMax)") }
    }

    // MARK: Blocks

    private enum End {
        case end, otherwise

        var word: String { self == .end ? "end" : "else" }
    }

    /// Nodes up to the end of the text, `{{end}}` or `{{else}}`; the action stands open behind the word.
    private mutating func list() throws(TemplateFailure) -> ([TemplateNode], End?) {
        try enter()
        defer { depth -= 1 }
        var nodes: [TemplateNode] = []
        while true {
            let text = scan.text()
            if !text.isEmpty { nodes.append(.text(constants.copy(bytes: text))) }
            guard !scan.isAtEnd else { return (nodes, nil) }
            guard let isComment = scan.beginAction() else { throw failure("unclosed comment") }
            if isComment { continue }
            switch scan.word() {
            case "end":
                scan.take("end")
                try endAction()
                return (nodes, .end)
            case "else": return (nodes, .otherwise)
            case "define": try define()
            case let word:
                if let node = try statement(word) { nodes.append(node) }
            }
        }
    }

    private mutating func endAction() throws(TemplateFailure) {
        scan.skipBlanks()
        guard scan.endAction() else { throw failure(unexpected("in action")) }
    }

    private func unexpected(_ place: String) -> String {
        scan.isAtEnd ? "unclosed action" : "unexpected \(scan.next) \(place)"
    }

    private mutating func statement(_ word: String) throws(TemplateFailure) -> TemplateNode? {
        switch word {
        case "if", "with", "range": return try block(word)
        case "break", "continue":
            scan.take(word)
            guard loops > 0 else { throw failure("{{\(word)}} outside {{range}}") }
            try endAction()
            return word == "break" ? .breakLoop : .continueLoop
        case "template", "block": return try templateCall(word)
        default:
            let pipeline = try self.pipeline(until: "}}")
            try endAction()
            // Setting a variable writes nothing.
            return .output(pipeline)
        }
    }

    private mutating func block(_ word: String) throws(TemplateFailure) -> TemplateNode {
        scan.take(word)
        let outer = scope.count
        let outerIsRoot = dotIsRoot
        defer {
            scope.removeLast(scope.count - outer)
            dotIsRoot = outerIsRoot
        }
        let pipeline = try self.pipeline(until: "}}", isRange: word == "range")
        try endAction()
        if word != "if" { dotIsRoot = false }
        if word == "range" { loops += 1 }
        let (body, end) = try list()
        if word == "range" { loops -= 1 }
        dotIsRoot = outerIsRoot
        let otherwise = try self.otherwise(end, after: word)
        switch word {
        case "if": return .condition(pipeline, then: body, otherwise: otherwise)
        case "with": return .with(pipeline, then: body, otherwise: otherwise)
        default: return .range(pipeline, body: body, otherwise: otherwise)
        }
    }

    /// What stands behind `{{else}}`, up to the `{{end}}`.
    private mutating func otherwise(_ end: End?, after word: String) throws(TemplateFailure) -> [TemplateNode] {
        guard let end else { throw failure("unexpected EOF: {{\(word)}} without {{end}}") }
        guard end == .otherwise else { return [] }
        scan.take("else")
        scan.skipBlanks()
        let next = scan.word()
        if next == word, word != "range" {
            try enter()
            defer { depth -= 1 }
            // `else if` shares the outer `end`.
            return [try block(word)]
        }
        try endAction()
        let (nodes, last) = try list()
        guard last == .end else { throw failure("expected {{end}} of {{\(word)}}") }
        return nodes
    }

    private mutating func define() throws(TemplateFailure) {
        scan.take("define")
        guard depth == 1 else { throw failure("{{define}} inside of a block") }
        let title = try quotedName()
        try endAction()
        definitions[title] = try body("define")
    }

    /// The nodes of a definition, up to its `{{end}}`, with variables of their own.
    private mutating func body(_ word: String) throws(TemplateFailure) -> TemplateBody {
        let outer = (scope, variableCount, dotIsRoot, loops)
        scope = [("$", 0)]
        variableCount = 1
        // What a definition is called with is not known here.
        dotIsRoot = false
        loops = 0
        defer { (scope, variableCount, dotIsRoot, loops) = outer }
        let (nodes, end) = try list()
        guard end == .end else { throw failure("unexpected EOF: {{\(word)}} without {{end}}") }
        return TemplateBody(nodes: nodes, variableCount: variableCount)
    }

    private mutating func templateCall(_ word: String) throws(TemplateFailure) -> TemplateNode {
        let start = scan.at
        scan.take(word)
        let title = try quotedName()
        scan.skipBlanks()
        var argument: TemplatePipeline?
        if !scan.isAtActionEnd { argument = try pipeline(until: "}}") }
        let place = self.place(start, scan.at)
        try endAction()
        if word == "block" { definitions[title] = try body("block") }
        return .template(name: title, argument, place)
    }

    private mutating func quotedName() throws(TemplateFailure) -> String {
        scan.skipBlanks()
        guard let text = try literal(), case .text(let bytes) = text else { throw failure("expected a name in quotes") }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: Pipelines

    mutating func pipeline(until end: String, isRange: Bool = false) throws(TemplateFailure) -> TemplatePipeline {
        try enter()
        defer { depth -= 1 }
        let variables = try declaration(isRange: isRange)
        var commands: [TemplateCommand] = []
        while true {
            commands.append(try command(until: end))
            scan.skipBlanks()
            guard scan.skip("|") else { break }
        }
        var slots: [Int] = []
        for (title, isNew) in variables {
            if isNew {
                scope.append((title, variableCount))
                variableCount += 1
            }
            guard let slot = slot(title) else { throw failure("undefined variable \"\(title)\"") }
            slots.append(slot)
        }
        return TemplatePipeline(variables: slots, commands: commands)
    }

    private func slot(_ title: String) -> Int? { scope.last { $0.name == title }?.slot }

    /// `$x :=`, `$x =`, and in ranges `$i, $x :=`.
    private mutating func declaration(isRange: Bool) throws(TemplateFailure) -> [(String, isNew: Bool)] {
        let start = scan.at
        var titles: [String] = []
        scan.skipBlanks()
        while let title = scan.variable() {
            titles.append(title)
            scan.skipBlanks()
            if isRange, titles.count == 1, scan.skip(",") {
                scan.skipBlanks()
                continue
            }
            if scan.skip(":=") { return titles.map { ($0, true) } }
            if scan.isAssignment {
                _ = scan.skip("=")
                return titles.map { ($0, false) }
            }
            break
        }
        scan.at = start
        return []
    }

    private mutating func command(until end: String) throws(TemplateFailure) -> TemplateCommand {
        scan.skipBlanks()
        let start = scan.at
        var operands: [TemplateOperand] = []
        var last = start
        while true {
            scan.skipBlanks()
            if scan.isAtEnd || scan.isAtActionEnd || scan.isAt("|") || scan.isAt(")") { break }
            operands.append(try operand(isFirst: operands.isEmpty))
            last = scan.at
            guard scan.isAtOperandEnd else { throw failure("unexpected \(scan.next) in operand") }
        }
        guard !operands.isEmpty else {
            throw failure(scan.isAtEnd ? "unclosed action" : "missing value for command")
        }
        if case .function = operands[0] {
        } else if operands.count == 1, case .dot = operands[0], dotIsRoot {
            usesWholeRoot = true
        }
        for operand in operands.dropFirst() { if case .dot = operand, dotIsRoot { usesWholeRoot = true } }
        return TemplateCommand(operands: operands, place: place(start, last))
    }

    private func place(_ start: Int, _ end: Int) -> TemplatePlace {
        TemplatePlace(
            line: scan.line(start), column: scan.column(start),
            text: String(decoding: scan.source[start..<max(start, end)], as: UTF8.self))
    }

    private mutating func operand(isFirst: Bool) throws(TemplateFailure) -> TemplateOperand {
        let start = scan.at
        if let value = try literal() { return value }
        if scan.skip("(") {
            let inner = try pipeline(until: ")")
            scan.skipBlanks()
            guard scan.skip(")") else { throw failure("unclosed left paren") }
            let fields = self.fields(ofRoot: false)
            return .group(inner, fields, place(start, scan.at))
        }
        if let title = scan.variable() {
            guard let slot = slot(title) else { throw failure("undefined variable \"\(title)\"") }
            let fields = self.fields(ofRoot: title == "$")
            if title == "$", fields.isEmpty { usesWholeRoot = true }
            return .variable(slot, fields, place(start, scan.at))
        }
        if scan.isAt(".") {
            let fields = self.fields(ofRoot: dotIsRoot)
            if fields.isEmpty {
                scan.at += 1
                return .dot
            }
            return .field(fields, place(start, scan.at))
        }
        let title = scan.identifier()
        guard !title.isEmpty else { throw failure("unexpected \(scan.next) in operand") }
        switch title {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "nil": return .none
        default: break
        }
        guard let function = TemplateBuiltins.table[title] ?? functions[title] else {
            let hint = Suggestion.hint(title, in: functions.names + TemplateBuiltins.table.names)
            throw failure("function \"\(title)\" not defined\(hint)")
        }
        functionNames.insert(title)
        let call = TemplateOperand.function(function, place(start, scan.at))
        guard scan.isAt(".") else { return call }
        // `now.Year` is `(now).Year`.
        let inner = TemplateCommand(operands: [call], place: place(start, scan.at))
        let fields = self.fields(ofRoot: false)
        return .group(TemplatePipeline(variables: [], commands: [inner]), fields, place(start, scan.at))
    }

    /// `.a.b`, as far as it goes. The first one is the root's when `ofRoot`.
    private mutating func fields(ofRoot: Bool) -> [TemplateField] {
        var fields: [TemplateField] = []
        while let title = scan.field() {
            var index = -1
            if ofRoot, fields.isEmpty {
                if let known = fieldNames.firstIndex(of: title) {
                    index = known
                } else {
                    index = fieldNames.count
                    fieldNames.append(title)
                }
            }
            fields.append(TemplateField(name: constants.copy(title), index: index))
        }
        return fields
    }

    /// A quoted text, character or number; nil where none stands.
    private mutating func literal() throws(TemplateFailure) -> TemplateOperand? {
        switch scan.literal() {
        case .none: return nil
        case .text(let bytes): return .text(constants.copy(bytes: bytes))
        case .integer(let value): return .integer(value)
        case .number(let value): return .number(value)
        case .damaged(let reason): throw failure(reason)
        }
    }
}

extension ScratchArena {
    func copy(bytes: [UInt8]) -> UnsafeRawBufferPointer { bytes.withUnsafeBytes { copy($0) } }
}
