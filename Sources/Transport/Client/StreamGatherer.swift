import Synchronization

/// Reads a stream to its end in this process, without a socket, and hands over what came: whole, or piece by piece where the call asks
/// for that. Kept alive by the stream while it waits.
final class StreamGatherer: Sendable {
    private let stream: HTTPBodyStream
    private let call: HTTPCall
    private let response: HTTPResponse
    private let done: @Sendable (Result<HTTPResponse, HTTPCallError>) -> Void
    private let body = Mutex<[UInt8]>([])

    init(
        _ stream: HTTPBodyStream, _ call: HTTPCall, _ response: HTTPResponse,
        _ done: @escaping @Sendable (Result<HTTPResponse, HTTPCallError>) -> Void
    ) {
        self.stream = stream
        self.call = call
        self.response = response
        self.done = done
    }

    /// Takes what is there, on the calling thread, and comes back on a thread of its own when there is more.
    func read() {
        stream.attach { [self] in _ = Thread { self.read() }.map { $0.detach() } }
        while true {
            if call.cancellation?.isCancelled ?? false {
                stream.cancel()
                return done(.failure(.cancelled))
            }
            var taken = HTTPBodyStream.Taken.nothing
            let piece = [UInt8](unsafeUninitializedCapacity: 64 << 10) { room, count in
                taken = stream.take(into: UnsafeMutableRawBufferPointer(room)) {}
                if case .bytes(let bytes) = taken { count = bytes }
            }
            switch taken {
            case .bytes: if !take(piece) { return }
            case .nothing: return
            case .ended:
                var whole = response
                whole.stream = nil
                whole.body = body.withLock { $0 }
                return done(.success(whole))
            case .failed: return done(.failure(.other("the answer was broken off")))
            }
        }
    }

    /// False when that was too much.
    private func take(_ piece: [UInt8]) -> Bool {
        if let receive = call.receive {
            if piece.withUnsafeBytes({ receive(response.status, $0) }) { return true }
            stream.cancel()
            done(.failure(.cancelled))
            return false
        }
        let count = body.withLock { body in
            body += piece
            return body.count
        }
        if count <= call.responseMax { return true }
        stream.cancel()
        done(.failure(.tooLarge(limit: call.responseMax)))
        return false
    }
}
