import CObs

/// What belongs to the work that is going on: its span and its baggage. A value; thread-safe.
///
/// The current context goes along into child tasks, as task-local values do. Outside of tasks it is the thread's: a `Task` made there begins
/// without one, so give it `Context.current` by hand.
public struct Context: Sendable {
    /// The span that is going on, here or, after `extract`, in the process that called.
    public var span: Span?
    public var baggage: Baggage?

    public init(span: Span? = nil, baggage: Baggage? = nil) {
        self.span = span
        self.baggage = baggage
    }

    /// Below a span of another process.
    public init(remote: SpanContext, baggage: Baggage? = nil) {
        self.init(span: remote.isValid ? Span(remote: remote) : nil, baggage: baggage)
    }

    @usableFromInline static let local = TaskLocal<Context>(wrappedValue: Context())

    /// The context of the running task, or, outside of tasks, of this thread.
    @inlinable
    public static var current: Context {
        if isInTask { return local.get() }
        guard let frame = threadFrame else { return Context() }
        return frame.assumingMemoryBound(to: Context.self).pointee
    }

    @usableFromInline static var isInTask: Bool {
        @inline(__always) get { cobs_in_task() != 0 }
    }

    @usableFromInline static var threadFrame: UnsafeMutableRawPointer? {
        @inline(__always) get { cobs_get_context() }
        @inline(__always) set { cobs_set_context(newValue) }
    }

    /// Runs `body` with this as the current context.
    @inlinable
    public func run<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        if Self.isInTask {
            let result: Result<R, E> = Self.local.withValue(self) {
                do throws(E) { return .success(try body()) } catch { return .failure(error) }
            }
            return try result.get()
        }
        let before = Self.threadFrame
        defer { Self.threadFrame = before }
        var frame = self
        let result: Result<R, E> = withUnsafeMutablePointer(to: &frame) { pointer in
            Self.threadFrame = UnsafeMutableRawPointer(pointer)
            do throws(E) { return .success(try body()) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Runs `body` with this as the current context.
    @inlinable
    public func run<R>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> R
    ) async rethrows -> R {
        try await Self.local.withValue(self, operation: body, isolation: isolation)
    }
}
