import Bedrock

/// Runs a template. Reuse one for many runs: then runs allocate nothing of their own. Not thread-safe.
public final class TemplateRunner {
    public let template: Template
    private let context: TemplateContext
    private let stack: UnsafeMutableBufferPointer<TemplateValue>
    @exclusivity(unchecked) private var stackCount = 0
    @exclusivity(unchecked) private var variables: ContiguousArray<TemplateValue> = []
    @exclusivity(unchecked) private var frame = 0
    @exclusivity(unchecked) private var steps = 0
    @exclusivity(unchecked) private var depth = 0
    @exclusivity(unchecked) private var out = ByteBuffer(capacity: 256)

    private static let stackMax = 1024

    public init(_ template: Template, context: TemplateContext) {
        self.template = template
        self.context = context
        stack = .allocate(capacity: Self.stackMax)
        stack.initialize(repeating: .none)
    }

    deinit {
        stack.deinitialize()
        stack.deallocate()
    }

    /// The output, valid until the next run.
    /// - Throws: `template: NAME:LINE:COLUMN: executing "NAME" at <...>: ...`
    public func run<Root: TemplateRoot>(_ root: Root) throws(TemplateFailure) -> UnsafeRawBufferPointer {
        out.clear()
        if let constant = template.constantText { return constant }
        stackCount = 0
        steps = 0
        depth = 0
        context.beginRun()
        variables.removeAll(keepingCapacity: true)
        frame = 0
        try run(template.main, .root, root)
        return out.bytes
    }

    private func run<Root: TemplateRoot>(
        _ body: TemplateBody, _ dot: TemplateValue, _ root: Root
    ) throws(TemplateFailure) {
        let outer = frame
        frame = variables.count
        for _ in 0..<body.variableCount { variables.append(.none) }
        variables[frame] = dot
        defer {
            variables.removeLast(body.variableCount)
            frame = outer
        }
        _ = try run(body.nodes, dot, root)
    }

    private enum Flow { case on, breakLoop, continueLoop }

    private func fail(_ place: TemplatePlace, _ message: String) -> TemplateFailure {
        let text = place.text.count > 20 ? place.text.prefix(20) + "..." : place.text[...]
        return TemplateFailure(
            "template: \(template.name):\(place.line):\(place.column): executing \"\(template.name)\" at <\(text)>: \(message)"
        )
    }

    private func step(_ place: TemplatePlace) throws(TemplateFailure) {
        steps += 1
        guard steps <= TemplateLimits.stepsMax else {
            throw fail(place, "more than \(TemplateLimits.stepsMax) steps; shorten its loops")
        }
    }

    private func checkOutput() throws(TemplateFailure) {
        guard out.count <= TemplateLimits.outputBytesMax else {
            throw TemplateFailure(
                "template: \(template.name): the output has more than \(TemplateLimits.outputBytesMax) bytes")
        }
    }

    // MARK: Nodes

    private func run<Root: TemplateRoot>(
        _ nodes: [TemplateNode], _ dot: TemplateValue, _ root: Root
    ) throws(TemplateFailure) -> Flow {
        depth += 1
        defer { depth -= 1 }
        for node in nodes {
            switch node {
            case .text(let text):
                out.append(text)
                try checkOutput()
            case .output(let pipeline):
                let value = try evaluate(pipeline, dot, root)
                if pipeline.variables.isEmpty {
                    TemplatePrinter.write(value, root, &out)
                    try checkOutput()
                } else {
                    variables[frame + pipeline.variables[0]] = value
                }
            case .condition(let pipeline, let then, let otherwise):
                let value = try assign(pipeline, dot, root)
                let flow = try run(value.isTrue ? then : otherwise, dot, root)
                if flow != .on { return flow }
            case .with(let pipeline, let then, let otherwise):
                let value = try assign(pipeline, dot, root)
                let flow = value.isTrue ? try run(then, value, root) : try run(otherwise, dot, root)
                if flow != .on { return flow }
            case .range(let pipeline, let body, let otherwise):
                let flow = try loop(pipeline, body, otherwise, dot, root)
                if flow != .on { return flow }
            case .template(let name, let argument, let place):
                try call(name, argument, place, dot, root)
            case .breakLoop: return .breakLoop
            case .continueLoop: return .continueLoop
            }
        }
        return .on
    }

    private func assign<Root: TemplateRoot>(
        _ pipeline: TemplatePipeline, _ dot: TemplateValue, _ root: Root
    ) throws(TemplateFailure) -> TemplateValue {
        let value = try evaluate(pipeline, dot, root)
        if let slot = pipeline.variables.first { variables[frame + slot] = value }
        return value
    }

    private func call<Root: TemplateRoot>(
        _ name: String, _ argument: TemplatePipeline?, _ place: TemplatePlace, _ dot: TemplateValue, _ root: Root
    ) throws(TemplateFailure) {
        guard let body = template.definitions[name] else { throw fail(place, "template \"\(name)\" not defined") }
        guard depth < TemplateLimits.depthMax else {
            throw fail(place, "templates call each other deeper than \(TemplateLimits.depthMax)")
        }
        try step(place)
        var value = TemplateValue.none
        if let argument { value = try evaluate(argument, dot, root) }
        try run(body, value, root)
    }

    // MARK: Loops

    private func loop<Root: TemplateRoot>(
        _ pipeline: TemplatePipeline, _ body: [TemplateNode], _ otherwise: [TemplateNode], _ dot: TemplateValue,
        _ root: Root
    ) throws(TemplateFailure) -> Flow {
        let value = try evaluate(pipeline, dot, root)
        let place = pipeline.commands[0].place
        func round(_ key: TemplateValue, _ element: TemplateValue) throws(TemplateFailure) -> Bool {
            try step(place)
            if pipeline.variables.count == 1 {
                variables[frame + pipeline.variables[0]] = element
            } else if pipeline.variables.count == 2 {
                variables[frame + pipeline.variables[0]] = key
                variables[frame + pipeline.variables[1]] = element
            }
            return try run(body, element, root) != .breakLoop
        }
        switch value {
        case .list(let elements) where !elements.isEmpty:
            for (i, element) in elements.enumerated() where try !round(.integer(Int64(i)), element) { break }
        case .map, .root:
            let map: TemplateMap
            if case .map(let given) = value { map = given } else { map = root.map() }
            guard map.count > 0 else { return try run(otherwise, dot, root) }
            for i in 0..<map.count where try !round(.text(map[i].key), map[i].value) { break }
        case .integer(let count) where count > 0:
            var i: Int64 = 0
            while i < count, try round(.integer(i), .integer(i)) { i += 1 }
        case .none, .list, .integer: return try run(otherwise, dot, root)
        default: throw fail(place, "range can't iterate over \(value.typeName)")
        }
        return .on
    }

    // MARK: Pipelines and commands

    private func evaluate<Root: TemplateRoot>(
        _ pipeline: TemplatePipeline, _ dot: TemplateValue, _ root: Root
    ) throws(TemplateFailure) -> TemplateValue {
        var value: TemplateValue?
        for command in pipeline.commands { value = try evaluate(command, dot, root, last: value) }
        return value ?? .none
    }

    private func evaluate<Root: TemplateRoot>(
        _ command: TemplateCommand, _ dot: TemplateValue, _ root: Root, last: TemplateValue?
    ) throws(TemplateFailure) -> TemplateValue {
        try step(command.place)
        let first = command.operands[0]
        let hasArguments = command.operands.count > 1 || last != nil
        switch first {
        case .function(let function, let place):
            if function.isShortCircuit { return try shortCircuit(function, command, dot, root, last) }
            let base = stackCount
            defer { drop(base) }
            try pushArguments(command, dot, root, last)
            return try call(function, base, place, command.place)
        case .field(let fields, let place) where hasArguments:
            return try method(dot, fields, place, command, dot, root, last)
        case .variable(let slot, let fields, let place) where hasArguments && !fields.isEmpty:
            return try method(variables[frame + slot], fields, place, command, dot, root, last)
        case .group(let pipeline, let fields, let place) where hasArguments && !fields.isEmpty:
            return try method(evaluate(pipeline, dot, root), fields, place, command, dot, root, last)
        default:
            guard !hasArguments else {
                throw fail(command.place, "can't give argument to non-function \(command.place.text)")
            }
            return try evaluate(first, dot, root)
        }
    }

    /// `and` and `or` stop at the first operand that decides.
    private func shortCircuit<Root: TemplateRoot>(
        _ function: TemplateFunction, _ command: TemplateCommand, _ dot: TemplateValue, _ root: Root,
        _ last: TemplateValue?
    ) throws(TemplateFailure) -> TemplateValue {
        let stopsAt = function.name == "or"
        var value = TemplateValue.none
        for operand in command.operands.dropFirst() {
            value = try evaluate(operand, dot, root)
            if value.isTrue == stopsAt { return value }
        }
        if let last { return last }
        guard command.operands.count > 1 else {
            throw fail(command.place, "wrong number of args for \(function.name): want at least 1 got 0")
        }
        return value
    }

    private func pushArguments<Root: TemplateRoot>(
        _ command: TemplateCommand, _ dot: TemplateValue, _ root: Root, _ last: TemplateValue?
    ) throws(TemplateFailure) {
        for operand in command.operands.dropFirst() { try push(evaluate(operand, dot, root), command.place) }
        if let last { try push(last, command.place) }
    }

    private func push(_ value: TemplateValue, _ place: TemplatePlace) throws(TemplateFailure) {
        guard stackCount < stack.count else { throw fail(place, "too many arguments") }
        stack[stackCount] = value
        stackCount += 1
    }

    private func drop(_ base: Int) {
        while stackCount > base {
            stackCount -= 1
            stack[stackCount] = .none
        }
    }

    private func call(
        _ function: TemplateFunction, _ base: Int, _ place: TemplatePlace, _ commandPlace: TemplatePlace
    ) throws(TemplateFailure) -> TemplateValue {
        let count = stackCount - base
        guard function.arguments.contains(count) else {
            let wanted =
                function.arguments.count == 1
                ? "\(function.arguments.lowerBound)" : "at least \(function.arguments.lowerBound)"
            throw fail(place, "wrong number of args for \(function.name): want \(wanted) got \(count)")
        }
        let arguments = UnsafeBufferPointer(rebasing: stack[base..<stackCount])
        do throws(TemplateFailure) {
            return try function.body(TemplateCall(arguments: arguments, context: context))
        } catch {
            throw fail(commandPlace, "error calling \(function.name): \(error.message)")
        }
    }

    private func evaluate<Root: TemplateRoot>(
        _ operand: TemplateOperand, _ dot: TemplateValue, _ root: Root
    ) throws(TemplateFailure) -> TemplateValue {
        switch operand {
        case .dot: return dot
        case .none: return .none
        case .text(let text): return .text(text)
        case .integer(let value): return .integer(value)
        case .number(let value): return .number(value)
        case .bool(let value): return .bool(value)
        case .function(let function, let place):
            let base = stackCount
            return try call(function, base, place, place)
        case .field(let fields, let place): return try follow(dot, fields, place, root)
        case .variable(let slot, let fields, let place):
            return try follow(variables[frame + slot], fields, place, root)
        case .group(let pipeline, let fields, let place):
            return try follow(evaluate(pipeline, dot, root), fields, place, root)
        }
    }

    // MARK: Fields and methods

    private func follow<Root: TemplateRoot>(
        _ start: TemplateValue, _ fields: [TemplateField], _ place: TemplatePlace, _ root: Root
    ) throws(TemplateFailure) -> TemplateValue {
        var value = start
        for field in fields {
            value = try member(value, field, place, root, UnsafeBufferPointer(rebasing: stack[..<0]))
        }
        return value
    }

    /// The last of `fields` as a method, with the command's arguments.
    private func method<Root: TemplateRoot>(
        _ start: TemplateValue, _ fields: [TemplateField], _ place: TemplatePlace, _ command: TemplateCommand,
        _ dot: TemplateValue, _ root: Root, _ last: TemplateValue?
    ) throws(TemplateFailure) -> TemplateValue {
        guard let name = fields.last else { return start }
        let target = try follow(start, Array(fields.dropLast()), place, root)
        switch target {
        case .time, .duration, .object: break
        default:
            let name = String(decoding: name.name, as: UTF8.self)
            throw fail(place, "\(name) is not a method but has arguments")
        }
        let base = stackCount
        defer { drop(base) }
        try pushArguments(command, dot, root, last)
        return try member(target, name, place, root, UnsafeBufferPointer(rebasing: stack[base..<stackCount]))
    }

    private func member<Root: TemplateRoot>(
        _ value: TemplateValue, _ field: TemplateField, _ place: TemplatePlace, _ root: Root,
        _ arguments: UnsafeBufferPointer<TemplateValue>
    ) throws(TemplateFailure) -> TemplateValue {
        let found: TemplateValue?
        do throws(TemplateFailure) {
            switch value {
            case .root where arguments.isEmpty:
                return field.index >= 0 ? root.value(field) : root.value(named: field.name)
            case .map(let map) where arguments.isEmpty: return map.value(field.name)
            case .none where arguments.isEmpty: return .none
            case .time(let time): found = try time.method(field.name, arguments, context)
            case .duration(let duration): found = try TemplateDuration.method(duration, field.name, arguments, context)
            case .object(let object): found = try object.member(field.name, arguments, context)
            default: found = nil
            }
        } catch {
            throw fail(place, "error calling \(String(decoding: field.name, as: UTF8.self)): \(error.message)")
        }
        if let found { return found }
        let name = String(decoding: field.name, as: UTF8.self)
        guard arguments.isEmpty else { throw fail(place, "\(name) is not a method but has arguments") }
        throw fail(place, "can't evaluate field \(name) in type \(value.typeName)")
    }
}

extension TemplateFunction {
    var isShortCircuit: Bool { (name == "and" || name == "or") && arguments.lowerBound == 0 }
}
