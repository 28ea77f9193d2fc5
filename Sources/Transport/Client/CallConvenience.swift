import Bedrock
import Synchronization

extension HTTPCaller {
    /// Sends `call` and blocks the calling thread until the answer is there. Not to be used on an event-loop thread.
    public func call(_ call: HTTPCall) throws(HTTPCallError) -> HTTPResponse {
        let slot = Slot()
        send(call) { slot.put($0) }
        return try slot.wait().get()
    }

    /// Sends `call` and waits without blocking a thread; cancelling the task cancels the call.
    public func response(to call: HTTPCall) async throws(HTTPCallError) -> HTTPResponse {
        var call = call
        let cancellation = call.cancellation ?? Cancellation()
        call.cancellation = cancellation
        let started = call
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                send(started) { continuation.resume(returning: $0) }
            }
        } onCancel: {
            cancellation.cancel()
        }
        return try result.get()
    }
}

/// Holds a result for a thread that waits for it.
private final class Slot: Sendable {
    private let arrived = Semaphore()
    private let result = Mutex<Result<HTTPResponse, HTTPCallError>>(.failure(.cancelled))

    func put(_ value: Result<HTTPResponse, HTTPCallError>) {
        result.withLock { $0 = value }
        arrived.signal()
    }

    func wait() -> Result<HTTPResponse, HTTPCallError> {
        arrived.wait()
        return result.withLock { $0 }
    }
}
