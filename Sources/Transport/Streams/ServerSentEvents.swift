/// Server-sent events (`text/event-stream`, HTML standard §9.2): how the server writes them, and how a client takes them apart.
public struct ServerSentEvents: Sendable {
    /// One event.
    public struct Event: Sendable, Equatable {
        /// `message` where the server names none.
        public var name: String
        /// Lines joined by line feeds.
        public var data: [UInt8]
        /// The last id the server gave; where to go on after a break.
        public var id: String

        public init(name: String = "message", data: [UInt8], id: String = "") {
            self.name = name
            self.data = data
            self.id = id
        }
    }

    /// An event is over this many bytes.
    public struct TooLong: Error, Equatable {
        public let limit: Int
    }

    private let eventBytesMax: Int
    private var line: [UInt8] = []
    private var event = Event(data: [])
    private var hasData = false
    private var isAfterReturn = false
    private var isAtStart = true

    /// A parser.
    public init(eventBytesMax: Int = 64 << 20) { self.eventBytesMax = eventBytesMax }

    /// Takes what has come and calls `body` for each event that is complete.
    public mutating func feed(_ piece: UnsafeRawBufferPointer, _ body: (Event) -> Void) throws(TooLong) {
        var start = 0
        for i in 0..<piece.count {
            let c = piece[i]
            guard c == 0x0A || c == 0x0D else {
                isAfterReturn = false
                continue
            }
            // CR LF is one end of line.
            if c == 0x0A, isAfterReturn {
                isAfterReturn = false
                start = i + 1
                continue
            }
            isAfterReturn = c == 0x0D
            try take(piece[start..<i])
            start = i + 1
            endLine(body)
        }
        if start < piece.count { try take(piece[start...]) }
    }

    private mutating func take(_ part: Slice<UnsafeRawBufferPointer>) throws(TooLong) {
        guard line.count + event.data.count + part.count <= eventBytesMax else { throw TooLong(limit: eventBytesMax) }
        line.append(contentsOf: part)
    }

    private mutating func endLine(_ body: (Event) -> Void) {
        defer { line.removeAll(keepingCapacity: true) }
        if isAtStart {
            isAtStart = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        if line.isEmpty {
            if hasData { body(event) }
            event = Event(data: [], id: event.id)
            hasData = false
            return
        }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.count
        // A comment: what servers keep a quiet connection alive with.
        if colon == 0 { return }
        var value = line[min(colon + 1, line.count)...]
        if value.first == 0x20 { value = value.dropFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "data":
            if hasData { event.data.append(0x0A) }
            event.data.append(contentsOf: value)
            hasData = true
        case "event": event.name = String(decoding: value, as: UTF8.self)
        case "id": if !value.contains(0) { event.id = String(decoding: value, as: UTF8.self) }
        default: break
        }
    }

    /// An event of one line of data, as it goes over the wire; `data` holds no line break, `name` and `id` neither.
    public static func encode(name: String = "", id: String = "", data: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(data.count + name.utf8.count + id.utf8.count + 32)
        if !name.isEmpty { text += Array("event: \(name)\n".utf8) }
        if !id.isEmpty { text += Array("id: \(id)\n".utf8) }
        text += Array("data: ".utf8)
        text += data
        text += [10, 10]
        return text
    }

    /// What keeps a quiet connection from being taken for a dead one.
    public static let heartbeat: [UInt8] = Array(": still here\n\n".utf8)
}
