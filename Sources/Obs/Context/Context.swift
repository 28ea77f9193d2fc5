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

    @TaskLocal static var taskLocal = Context()

    /// The context of the running task, or, outside of tasks, of this thread.
    @inline(__always)
    public static var current: Context {
        if cobs_in_task() != 0 { return taskLocal }
        guard let frame = cobs_get_context() else { return Context() }
        return frame.assumingMemoryBound(to: Context.self).pointee
    }

    /// Runs `body` with this as the current context.
    @inline(__always)
    public func run<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        if cobs_in_task() != 0 {
            let result: Result<R, E> = Self.$taskLocal.withValue(self) {
                do throws(E) { return .success(try body()) } catch { return .failure(error) }
            }
            return try result.get()
        }
        let before = cobs_get_context()
        defer { cobs_set_context(before) }
        var frame = self
        let result: Result<R, E> = withUnsafeMutablePointer(to: &frame) { pointer in
            cobs_set_context(UnsafeMutableRawPointer(pointer))
            do throws(E) { return .success(try body()) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Runs `body` with this as the current context.
    public func run<R>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> R
    ) async rethrows -> R {
        try await Self.$taskLocal.withValue(self, operation: body, isolation: isolation)
    }
}
