/// Takes server-sent events (the HTML standard's `text/event-stream`) out of a body that comes in pieces. Not thread-safe.
struct EventStreamParser {
    struct Event: Equatable {
        /// `message` where the server names none.
        var name = "message"
        var data: [UInt8] = []
        /// Of this event or of the last one that had any.
        var id = ""
    }

    /// An event grew beyond what is accepted.
    struct TooLarge: Error {}

    /// Bytes of one event.
    static let eventBytesMax = 64 << 20

    private var line: [UInt8] = []
    private var event = Event()
    private var hasData = false
    private var isAfterReturn = false
    private var isAtStart = true

    /// Takes in a piece; `body` gets each event that it completes.
    mutating func take(_ piece: UnsafeRawBufferPointer, _ body: (Event) -> Void) throws(TooLarge) {
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
            line.append(contentsOf: piece[start..<i])
            start = i + 1
            endLine(body)
        }
        if start < piece.count { line.append(contentsOf: piece[start...]) }
        if line.count + event.data.count > Self.eventBytesMax { throw TooLarge() }
    }

    private mutating func endLine(_ body: (Event) -> Void) {
        defer { line.removeAll(keepingCapacity: true) }
        if isAtStart {
            isAtStart = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        if line.isEmpty {
            if hasData { body(event) }
            event = Event(id: event.id)
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
}
