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
    private var sawReturn = false
    private var name = ""
    private var data: [UInt8] = []
    private var hasData = false
    private var id = ""

    /// A parser.
    public init(eventBytesMax: Int = 16 << 20) { self.eventBytesMax = eventBytesMax }

    /// Takes what has come and calls `event` for each event that is complete.
    public mutating func feed(_ bytes: UnsafeRawBufferPointer, _ event: (Event) -> Void) throws(TooLong) {
        for byte in bytes {
            if byte == 10, sawReturn {
                sawReturn = false
                continue
            }
            sawReturn = byte == 13
            if byte == 10 || byte == 13 {
                endLine(event)
            } else {
                guard line.count + data.count < eventBytesMax else { throw TooLong(limit: eventBytesMax) }
                line.append(byte)
            }
        }
    }

    private mutating func endLine(_ event: (Event) -> Void) {
        defer { line.removeAll(keepingCapacity: true) }
        guard !line.isEmpty else {
            if hasData { event(Event(name: name.isEmpty ? "message" : name, data: data, id: id)) }
            name = ""
            data = []
            hasData = false
            return
        }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.count
        var value = line[min(colon + 1, line.count)...]
        if value.first == 0x20 { value = value.dropFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "data":
            if hasData { data.append(10) }
            hasData = true
            data.append(contentsOf: value)
        case "event": name = String(decoding: value, as: UTF8.self)
        case "id": if !value.contains(0) { id = String(decoding: value, as: UTF8.self) }
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
