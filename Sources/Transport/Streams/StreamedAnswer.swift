import CMicroHTTPD

/// The library's side of a streamed answer: reads the stream on the connection's event loop, and puts the connection to sleep while the
/// producer has nothing. Kept alive by the library's response.
final class StreamedAnswer: Sendable {
    let stream: HTTPBodyStream
    /// Only ever handed back to the library.
    private let connection: UInt

    init(_ stream: HTTPBodyStream, connection: OpaquePointer) {
        self.stream = stream
        self.connection = UInt(bitPattern: connection)
        let address = self.connection
        stream.attach { MHD_resume_connection(OpaquePointer(bitPattern: address)) }
    }

    /// The library's response, which holds a reference to this object; nil when memory is lacking.
    func response() -> OpaquePointer? {
        let context = Unmanaged.passRetained(self)
        let response = cmhd_streamed_response(
            { context, _, room, size in
                guard let context, let room else { return -2 }
                return Unmanaged<StreamedAnswer>.fromOpaque(context).takeUnretainedValue()
                    .read(into: UnsafeMutableRawBufferPointer(start: room, count: size))
            },
            { context in
                guard let context else { return }
                // Whatever became of the answer, its producer learns that nobody reads any more.
                Unmanaged<StreamedAnswer>.fromOpaque(context).takeRetainedValue().stream.cancel()
            }, context.toOpaque())
        if response == nil { context.release() }
        return response
    }

    private func read(into room: UnsafeMutableRawBufferPointer) -> Int {
        switch stream.take(into: room, sleep: { MHD_suspend_connection(OpaquePointer(bitPattern: connection)) }) {
        case .bytes(let count): count
        case .nothing: 0
        case .ended: -1
        case .failed: -2
        }
    }
}
