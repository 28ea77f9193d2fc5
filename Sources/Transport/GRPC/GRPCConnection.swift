import Bedrock
import CNghttp2
import Glibc

/// One connection: an nghttp2 session and its calls. Used by its loop's thread only.
///
/// nghttp2 gets this object as user data of the session, unretained: the session dies with it.
final class GRPCConnection {
    let socket: Int32
    let identity: UInt64
    private unowned let loop: GRPCLoop
    private var session: OpaquePointer?
    private var streams: [Int32: GRPCStream] = [:]
    private var pending: [UInt8] = []
    private var pendingStart = 0
    private var lastActive: UInt64
    private let peer: String
    private var now: UInt64
    private var resets: (second: UInt64, count: Int) = (0, 0)
    private var isFlooded = false
    private var interest: (reading: Bool, writing: Bool) = (true, false)
    private var isGoing = false
    /// Whether a whole frame has come yet.
    private var hasSpoken = false

    /// Answers that wait for the peer to read; beyond, nothing more is read from it.
    private static let pendingMax = 4 << 20
    private static let windowBytes: Int32 = 1 << 20

    init?(_ socket: Int32, identity: UInt64, loop: GRPCLoop, now: UInt64) {
        self.socket = socket
        self.identity = identity
        self.loop = loop
        self.now = now
        lastActive = now
        peer = peerText(socket)
        var callbacks: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0 else { return nil }
        defer { nghttp2_session_callbacks_del(callbacks) }
        Self.register(callbacks)
        var option: OpaquePointer?
        guard nghttp2_option_new(&option) == 0 else { return nil }
        defer { nghttp2_option_del(option) }
        // Floods of PING and SETTINGS end the session once so many answers wait.
        nghttp2_option_set_max_outbound_ack(option, 100)
        nghttp2_option_set_max_settings(option, 32)
        nghttp2_option_set_no_closed_streams(option, 1)
        let me = Unmanaged.passUnretained(self).toOpaque()
        guard nghttp2_session_server_new2(&session, callbacks, me, option) == 0 else { return nil }
        let settings = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
                value: UInt32(loop.options.streamsMax)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: UInt32(Self.windowBytes)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
                value: UInt32(loop.options.headerBytesMax)),
        ]
        nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
        nghttp2_session_set_local_window_size(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Self.windowBytes * 4)
    }

    deinit { nghttp2_session_del(session) }

    // MARK: The loop's side

    /// Takes bytes in. False: the connection is beyond repair.
    func receive(_ bytes: UnsafeRawBufferPointer, _ now: UInt64) -> Bool {
        self.now = now
        let taken = nghttp2_session_mem_recv(
            session, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count)
        return taken == bytes.count && !isFlooded
    }

    /// Sends what there is. False: the connection is broken.
    func flush() -> Bool {
        while true {
            if pendingStart == pending.count {
                pending.removeAll(keepingCapacity: pending.capacity <= 1 << 20)
                pendingStart = 0
                while pending.count < 256 << 10 {
                    var data: UnsafePointer<UInt8>?
                    let length = nghttp2_session_mem_send(session, &data)
                    if length < 0 { return false }
                    if length == 0 { break }
                    pending.append(contentsOf: UnsafeBufferPointer(start: data, count: length))
                }
                if pending.isEmpty { return true }
            }
            let sent = pending.withUnsafeBytes { bytes in
                send(
                    socket, bytes.baseAddress.map { $0 + pendingStart }, bytes.count - pendingStart, Int32(MSG_NOSIGNAL)
                )
            }
            if sent < 0 {
                if errno == EINTR { continue }
                return errno == EAGAIN
            }
            pendingStart += sent
        }
    }

    func updateInterest() {
        let waiting = pending.count - pendingStart
        let wanted = (reading: waiting < Self.pendingMax, writing: waiting > 0)
        guard wanted != interest else { return }
        interest = wanted
        loop.setInterest(socket, writing: wanted.writing, reading: wanted.reading)
    }

    /// Neither side has anything more to say.
    var isDone: Bool {
        if isGoing && streams.isEmpty && pendingStart == pending.count { return true }
        return nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
            && pendingStart == pending.count
    }

    /// Ends calls that are over time. True: the connection is, too. Only whole frames and data count as life, so that a frame
    /// that comes byte by byte keeps nothing open.
    func isExpired(_ now: UInt64) -> Bool {
        self.now = now
        let options = loop.options
        let silence = hasSpoken ? options.idleSecondsMax : min(options.headerSecondsMax, options.idleSecondsMax)
        if streams.isEmpty { return now &- lastActive > UInt64(silence * 1e9) }
        let slowest = UInt64(options.bodySecondsMax * 1e9)
        for (number, stream) in streams {
            if stream.isAnswered {
                // The peer does not read.
                if now &- stream.answered > slowest { return true }
            } else if stream.isDispatched {
                guard now >= stream.deadline else { continue }
                stream.cancellation?.cancel()
                answer(
                    .failure(GRPCStatus(.deadlineExceeded, "the deadline of the call has passed")), stream: number, now)
            } else if now &- stream.began > slowest {
                refuse(
                    number, stream,
                    GRPCStatus(.deadlineExceeded, "the message took more than \(options.bodySecondsMax) s to arrive"))
            }
        }
        return false
    }

    /// No more calls; those that are open are answered.
    func goAway() {
        isGoing = true
        let last = nghttp2_session_get_last_proc_stream_id(session)
        nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, UInt32(NGHTTP2_NO_ERROR.rawValue), nil, 0)
    }

    /// The socket is gone: nobody waits for answers any more.
    func end() {
        for stream in streams.values { release(stream) }
        streams = [:]
    }

    private func release(_ stream: GRPCStream) {
        if !stream.isAnswered { stream.cancellation?.cancel() }
        loop.memory.shrink(by: stream.heldBytes)
        stream.heldBytes = 0
    }

    /// Answers a call that is not all there, and ends its stream: whatever else comes of it is not looked at.
    private func refuse(_ number: Int32, _ stream: GRPCStream, _ status: GRPCStatus) {
        stream.isDispatched = true
        stream.isCutShort = true
        answer(.failure(status), stream: number, now)
    }

    /// Headers went out. The reset waits for them: nghttp2 sends nothing more on a stream once its reset is queued.
    fileprivate func sentHeaders(_ number: Int32) {
        guard streams[number]?.isCutShort == true else { return }
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), number, UInt32(NGHTTP2_NO_ERROR.rawValue))
    }

    // MARK: Calls

    fileprivate func begin(_ number: Int32) {
        streams[number] = GRPCStream(began: now)
    }

    /// False: the stream is to be reset.
    fileprivate func header(_ number: Int32, _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>)
        -> Bool
    {
        guard let stream = streams[number] else { return true }
        stream.headerBytes += name.count + value.count + 32
        guard stream.headerBytes <= loop.options.headerBytesMax else { return false }
        let (name, value) = (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
        switch name {
        case ":path": stream.path = value
        case ":method": stream.method = value
        default: if !name.hasPrefix(":") { stream.headers.add(name, value) }
        }
        return true
    }

    /// All headers are in: what can be refused now is.
    fileprivate func check(_ number: Int32, isWhole: Bool) {
        guard let stream = streams[number], !stream.isDispatched, let status = refusal(stream) else { return }
        if isWhole {
            stream.isDispatched = true
            answer(.failure(status), stream: number, now)
        } else {
            refuse(number, stream, status)
        }
    }

    /// A whole frame has come.
    fileprivate func noteFrame() {
        hasSpoken = true
        lastActive = now
    }

    private func refusal(_ stream: GRPCStream) -> GRPCStatus? {
        let options = loop.options
        guard stream.method == "POST", stream.headers["content-type"]?.hasPrefix("application/grpc") == true else {
            return GRPCStatus(.invalidArgument, "not a gRPC call: it wants POST and content-type application/grpc")
        }
        if !options.tokens.isEmpty, !options.tokens.admit(stream.headers["authorization"]) {
            return GRPCStatus(.unauthenticated, "a valid bearer token is wanted")
        }
        if loop.methods[stream.path] == nil {
            return GRPCStatus(.unimplemented, "unknown method \(stream.path)")
        }
        let coding = stream.headers["grpc-encoding"] ?? "identity"
        if !["identity", "gzip", "zstd"].contains(coding) {
            return GRPCStatus(.unimplemented, "grpc-encoding \(coding) is not known: identity, gzip and zstd are")
        }
        return nil
    }

    fileprivate func data(_ number: Int32, _ bytes: UnsafeBufferPointer<UInt8>) {
        lastActive = now
        guard let stream = streams[number], !stream.isDispatched else { return }
        let limit = loop.options.messageBytesMax
        guard bytes.count <= limit + 5 - stream.body.count else {
            return refuse(number, stream, GRPCStatus(.resourceExhausted, "the message is over \(limit) bytes"))
        }
        guard loop.memory.tryGrow(by: bytes.count) else {
            return refuse(
                number, stream, GRPCStatus(.unavailable, "too many messages are being received; try again"))
        }
        stream.heldBytes += bytes.count
        // What is announced is believed up to a point, so that a buffer seldom grows.
        if stream.body.isEmpty, bytes.count >= 5 {
            let announced = bytes[1..<5].reduce(0) { $0 << 8 | Int($1) }
            stream.body.reserveCapacity(max(bytes.count, min(announced + 5, 256 << 10)))
        }
        stream.body.append(contentsOf: bytes)
    }

    private func drop(_ stream: GRPCStream) {
        stream.body = []
        loop.memory.shrink(by: stream.heldBytes)
        stream.heldBytes = 0
    }

    /// The caller has said all it has to say.
    fileprivate func dispatch(_ number: Int32) {
        guard let stream = streams[number], !stream.isDispatched else { return }
        stream.isDispatched = true
        guard let handler = loop.methods[stream.path] else { return }
        let message: [UInt8]
        switch stream.message(limit: loop.options.messageBytesMax) {
        case .success(let plain): message = plain
        case .failure(let status): return answer(.failure(status), stream: number, now)
        }
        stream.body = []
        let grown = message.count - stream.heldBytes
        if grown > 0 {
            guard loop.memory.tryGrow(by: grown) else {
                let status = GRPCStatus(.unavailable, "too many messages are being worked on; try again")
                return answer(.failure(status), stream: number, now)
            }
            stream.heldBytes += grown
        }
        let deadline = stream.timeout.map { now &+ min($0, 1 << 60) } ?? .max
        stream.deadline = deadline
        let cancellation = Cancellation(clock: loop.options.clock, deadlineNanoseconds: deadline)
        stream.cancellation = cancellation
        let ticket = GRPCTicket(loop, connection: identity, stream: number)
        handler(
            GRPCRequest(
                method: stream.path, headers: stream.headers, message: message, peer: peer, cancellation: cancellation)
        ) { response in ticket.answer(response) }
    }

    /// Puts the answer to a call on its way.
    func answer(_ response: GRPCResponse, stream number: Int32, _ now: UInt64) {
        self.now = now
        guard let stream = streams[number], !stream.isAnswered else { return }
        stream.isAnswered = true
        stream.answered = now
        drop(stream)
        loop.counters.answered.wrappingAdd(1, ordering: .relaxed)
        switch response {
        case .message(let bytes):
            stream.output.reserveCapacity(bytes.count + 5)
            stream.output = [0] + withUnsafeBytes(of: UInt32(truncatingIfNeeded: bytes.count).bigEndian) { Array($0) }
            stream.output += bytes
            var provider = nghttp2_data_provider()
            provider.source.ptr = Unmanaged.passUnretained(stream).toOpaque()
            provider.read_callback = Self.readOutput
            submit([(":status", "200"), ("content-type", "application/grpc")], number, &provider)
        case .failure(let status):
            loop.counters.failed.wrappingAdd(1, ordering: .relaxed)
            // Headers and trailers in one, as gRPC has it for calls without an answer.
            submit([(":status", "200"), ("content-type", "application/grpc")] + Self.trailers(status), number, nil)
        }
    }

    private func submit(
        _ fields: [(name: String, value: String)], _ number: Int32,
        _ provider: UnsafeMutablePointer<nghttp2_data_provider>?
    ) {
        HeaderFields.with(fields) { list in
            _ = nghttp2_submit_response(session, number, list.baseAddress, list.count, provider)
        }
    }

    private static func trailers(_ status: GRPCStatus) -> [(name: String, value: String)] {
        var fields = [("grpc-status", String(status.code.rawValue))]
        if !status.message.isEmpty { fields.append(("grpc-message", status.encodedMessage)) }
        if !status.details.isEmpty {
            var text = ByteBuffer(capacity: status.details.count * 2)
            status.details.withUnsafeBytes { Base64.encode($0, into: &text) }
            fields.append(("grpc-status-details-bin", String(decoding: text.bytes, as: UTF8.self)))
        }
        if status.code == .unimplemented { fields.append(("grpc-accept-encoding", "identity,gzip,zstd")) }
        return fields
    }

    fileprivate func closed(_ number: Int32, _ code: UInt32) {
        guard let stream = streams.removeValue(forKey: number) else { return }
        if !stream.isAnswered {
            let second = now / 1_000_000_000
            if resets.second != second { resets = (second, 0) }
            resets.count += 1
            isFlooded = isFlooded || resets.count > loop.options.resetsPerSecondMax
        }
        release(stream)
    }

    fileprivate func submitTrailers(_ number: Int32) {
        HeaderFields.with(Self.trailers(.ok)) { list in
            _ = nghttp2_submit_trailer(session, number, list.baseAddress, list.count)
        }
    }

    // MARK: nghttp2's callbacks

    private static func of(_ user: UnsafeMutableRawPointer?) -> GRPCConnection? {
        user.map { Unmanaged<GRPCConnection>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let readOutput: nghttp2_data_source_read_callback = { _, number, room, length, flags, source, user in
        guard let source, let pointer = source.pointee.ptr, let room, let flags else { return 0 }
        let stream = Unmanaged<GRPCStream>.fromOpaque(pointer).takeUnretainedValue()
        let count = min(length, stream.output.count - stream.sent)
        stream.output.withUnsafeBytes { bytes in
            if count > 0, let base = bytes.baseAddress { memcpy(room, base + stream.sent, count) }
        }
        stream.sent += count
        if stream.sent == stream.output.count {
            flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue)
            GRPCConnection.of(user)?.submitTrailers(number)
        }
        return count
    }

    private static func register(_ callbacks: OpaquePointer?) {
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, user in
            guard let frame, frame.pointee.hd.type == UInt8(NGHTTP2_HEADERS.rawValue),
                frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
            else { return 0 }
            GRPCConnection.of(user)?.begin(frame.pointee.hd.stream_id)
            return 0
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameLength, value, valueLength, _, user in
            guard let frame, let connection = GRPCConnection.of(user) else { return 0 }
            let isTaken = connection.header(
                frame.pointee.hd.stream_id, UnsafeBufferPointer(start: name, count: nameLength),
                UnsafeBufferPointer(start: value, count: valueLength))
            return isTaken ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, number, data, length, user in
            GRPCConnection.of(user)?.data(number, UnsafeBufferPointer(start: data, count: length))
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
            guard let frame, let connection = GRPCConnection.of(user) else { return 0 }
            connection.noteFrame()
            let header = frame.pointee.hd
            let isHeaders = header.type == UInt8(NGHTTP2_HEADERS.rawValue)
            guard isHeaders || header.type == UInt8(NGHTTP2_DATA.rawValue) else { return 0 }
            let isWhole = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
            if isHeaders { connection.check(header.stream_id, isWhole: isWhole) }
            if isWhole { connection.dispatch(header.stream_id) }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, user in
            if let frame, frame.pointee.hd.type == UInt8(NGHTTP2_HEADERS.rawValue) {
                GRPCConnection.of(user)?.sentHeaders(frame.pointee.hd.stream_id)
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, number, code, user in
            GRPCConnection.of(user)?.closed(number, code)
            return 0
        }
    }
}

/// Header fields as nghttp2 wants them, which copies them.
private enum HeaderFields {
    static func with(_ fields: [(name: String, value: String)], _ body: (UnsafeBufferPointer<nghttp2_nv>) -> Void) {
        var bytes: [UInt8] = []
        var places: [(name: Int, nameLength: Int, value: Int, valueLength: Int)] = []
        for (name, value) in fields {
            places.append((bytes.count, name.utf8.count, bytes.count + name.utf8.count, value.utf8.count))
            bytes += Array(name.utf8) + Array(value.utf8)
        }
        bytes.withUnsafeMutableBufferPointer { all in
            guard let base = all.baseAddress else { return }
            let list = places.map { place in
                nghttp2_nv(
                    name: base + place.name, value: base + place.value, namelen: place.nameLength,
                    valuelen: place.valueLength, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
            }
            list.withUnsafeBufferPointer(body)
        }
    }
}

/// A socket's other end, for people.
private func peerText(_ socket: Int32) -> String {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var host = [CChar](repeating: 0, count: 128)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer -> Int32 in
            guard getpeername(socket, pointer, &length) == 0 else { return -1 }
            return getnameinfo(pointer, length, &host, socklen_t(host.count), nil, 0, NI_NUMERICHOST)
        }
    }
    return status == 0 ? String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : ""
}
