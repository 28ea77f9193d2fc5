import Bedrock

/// What functions get besides their arguments. One run at a time, not thread-safe.
public final class TemplateContext {
    /// Texts that functions make; taken back by whoever runs the template.
    public let arena: ScratchArena
    public let clock: any ClockSource
    /// The line in work, for `__line__`.
    @exclusivity(unchecked) public var line = UnsafeRawBufferPointer(start: nil, count: 0)
    /// Nanoseconds since the epoch, for `__timestamp__`.
    @exclusivity(unchecked) public var timestamp: Int64 = 0
    /// Whatever the functions of a table share.
    public let shared: AnyObject?
    private var expressions: [(pattern: [UInt8], regex: RegularExpression)] = []
    private var workBytes = 0
    var room = ByteBuffer(capacity: 256)

    public init(clock: any ClockSource, arena: ScratchArena = ScratchArena(), shared: AnyObject? = nil) {
        self.clock = clock
        self.arena = arena
        self.shared = shared
    }

    func beginRun() { workBytes = 0 }

    /// Fails when a text of so many bytes must not be made.
    func charge(_ bytes: Int) throws(TemplateFailure) {
        guard bytes <= TemplateLimits.outputBytesMax else {
            throw TemplateFailure("a text would have more than \(TemplateLimits.outputBytesMax) bytes")
        }
        workBytes += bytes
        guard workBytes <= TemplateLimits.workBytesMax else {
            throw TemplateFailure("the template makes more than \(TemplateLimits.workBytesMax) bytes on the way")
        }
    }

    /// A compiled expression, from the few that were used last.
    func regex(_ pattern: UnsafeRawBufferPointer) throws(TemplateFailure) -> RegularExpression {
        for (i, entry) in expressions.enumerated() where entry.pattern.withUnsafeBytes({ equalBytes($0, pattern) }) {
            return expressions[i].regex
        }
        let text = String(decoding: pattern, as: UTF8.self)
        let regex: RegularExpression
        do throws(RegexError) {
            regex = try RegularExpression(text, anchored: false)
        } catch {
            throw TemplateFailure("error parsing regexp: \(error.reason): `\(text)`")
        }
        if expressions.count >= 32 { expressions.removeFirst() }
        expressions.append((Array(pattern), regex))
        return regex
    }
}

/// A call of a function: its arguments, in order, and the context.
public struct TemplateCall {
    public let arguments: UnsafeBufferPointer<TemplateValue>
    public let context: TemplateContext

    public var count: Int { arguments.count }

    public subscript(index: Int) -> TemplateValue { arguments[index] }

    /// Argument `index`, which must be a text.
    public func text(_ index: Int) throws(TemplateFailure) -> UnsafeRawBufferPointer {
        switch arguments[index] {
        case .text(let text): return text
        case .none: throw TemplateFailure("invalid value; expected string")
        case let other: throw TemplateFailure("wrong type for value; expected string; got \(other.typeName)")
        }
    }

    /// Argument `index`, which must be a whole number.
    public func integer(_ index: Int) throws(TemplateFailure) -> Int {
        switch arguments[index] {
        case .integer(let value):
            guard let small = Int(exactly: value) else { throw TemplateFailure("number out of range") }
            return small
        case let other: throw TemplateFailure("wrong type for value; expected int; got \(other.typeName)")
        }
    }

    /// A text made in the context's arena by writing into a buffer.
    public func make(_ body: (inout ByteBuffer) throws(TemplateFailure) -> Void) throws(TemplateFailure)
        -> TemplateValue
    {
        context.room.clear()
        try body(&context.room)
        try context.charge(context.room.count)
        return .text(context.arena.copy(context.room.bytes))
    }
}
