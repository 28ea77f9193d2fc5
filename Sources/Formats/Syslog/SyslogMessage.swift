import Bedrock

/// One syslog message taken apart: RFC 5424, RFC 3164, or what comes close. Nothing is copied; what is missing is empty.
struct SyslogMessage {
    /// `user.notice`, which RFC 3164 gives messages without a priority.
    private(set) var priority = 13
    /// Nanoseconds since the epoch; nil when there is none that can be read.
    private(set) var time: Int64?
    private(set) var host = UnsafeRawBufferPointer.nothing
    private(set) var app = UnsafeRawBufferPointer.nothing
    private(set) var process = UnsafeRawBufferPointer.nothing
    private(set) var messageID = UnsafeRawBufferPointer.nothing
    /// With its brackets, well-formed.
    private(set) var structuredData = UnsafeRawBufferPointer.nothing
    private(set) var line = UnsafeRawBufferPointer.nothing

    private let bytes: UnsafeRawBufferPointer
    private var at = 0

    var severity: Int { priority & 7 }
    var facility: Int { priority >> 3 }

    /// - Parameter now: nanoseconds since the epoch; RFC 3164 leaves out the year.
    init(_ bytes: UnsafeRawBufferPointer, now: Int64) {
        self.bytes = bytes
        guard takePriority() else {
            line = bytes
            return
        }
        if at + 1 < bytes.count, bytes[at] == UInt8(ascii: "1"), bytes[at + 1] == UInt8(ascii: " ") {
            let start = at
            at += 2
            if takeNewHeader() { return }
            at = start
        }
        takeOldHeader(now: now)
    }

    /// `<34>`
    private mutating func takePriority() -> Bool {
        guard bytes.first == UInt8(ascii: "<") else { return false }
        var i = 1
        var value = 0
        while i < bytes.count, i <= 3, bytes[i] &- 48 < 10 {
            value = value * 10 + Int(bytes[i] &- 48)
            i += 1
        }
        guard i > 1, i < bytes.count, bytes[i] == UInt8(ascii: ">"), value <= 191 else { return false }
        priority = value
        at = i + 1
        return true
    }

    // MARK: RFC 5424

    /// `TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]`, each `-` when absent.
    ///
    /// - Returns: false if no time comes first: then it is a text that begins with "1 ", of which no word may be lost.
    private mutating func takeNewHeader() -> Bool {
        let stamp = word()
        time = RFC3339.nanoseconds(stamp)
        guard time != nil || stamp.isEmpty else { return false }
        host = word()
        app = word()
        process = word()
        messageID = word()
        if at < bytes.count, bytes[at] == UInt8(ascii: "[") {
            let start = at
            guard let end = SyslogElements.end(bytes, from: at) else {
                line = rest()
                return true
            }
            structuredData = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            at = end
            if at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
        } else if at < bytes.count, bytes[at] == UInt8(ascii: "-"),
            at + 1 == bytes.count || bytes[at + 1] == UInt8(ascii: " ")
        {
            at = min(at + 2, bytes.count)
        }
        line = rest()
        // The mark says that the message is UTF-8; it is no part of it.
        if line.count >= 3, line[0] == 0xEF, line[1] == 0xBB, line[2] == 0xBF {
            line = UnsafeRawBufferPointer(rebasing: line.dropFirst(3))
        }
        return true
    }

    /// The bytes up to the next space, which is consumed; nothing for `-`.
    private mutating func word() -> UnsafeRawBufferPointer {
        let start = at
        while at < bytes.count, bytes[at] != UInt8(ascii: " ") { at += 1 }
        let word = UnsafeRawBufferPointer(rebasing: bytes[start..<at])
        if at < bytes.count { at += 1 }
        return word.count == 1 && word[0] == UInt8(ascii: "-") ? .nothing : word
    }

    private func rest() -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[min(at, bytes.count)...]) }

    // MARK: RFC 3164

    /// `Mmm dd hh:mm:ss HOST TAG[PID]: MSG`; the time may be RFC 3339, and each part may be missing.
    private mutating func takeOldHeader(now: Int64) {
        if at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
        if let (time, length) = SyslogTime.parse(UnsafeRawBufferPointer(rebasing: bytes[at...]), now: now) {
            self.time = time
            at += length
            if at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
            let start = at
            let first = word()
            // A word that ends like a tag is one: senders on the same machine leave their host out.
            if Self.isTag(first) { at = start } else { host = first }
        }
        takeTag()
        line = rest()
    }

    private static func isTag(_ word: UnsafeRawBufferPointer) -> Bool {
        word.last == UInt8(ascii: ":") || (word.last == UInt8(ascii: "]") && word.contains(UInt8(ascii: "[")))
    }

    /// `TAG:`, `TAG[PID]:`, with the space behind it; nothing when the next word is no tag.
    private mutating func takeTag() {
        var i = at
        while i < bytes.count, i - at <= 128, Self.isTagByte(bytes[i]) { i += 1 }
        guard i > at, i < bytes.count else { return }
        let name = UnsafeRawBufferPointer(rebasing: bytes[at..<i])
        var id = UnsafeRawBufferPointer.nothing
        if bytes[i] == UInt8(ascii: "[") {
            let start = i + 1
            while i < bytes.count, bytes[i] != UInt8(ascii: "]"), bytes[i] != UInt8(ascii: " ") { i += 1 }
            guard i < bytes.count, bytes[i] == UInt8(ascii: "]") else { return }
            id = UnsafeRawBufferPointer(rebasing: bytes[start..<i])
            i += 1
        }
        guard i < bytes.count, bytes[i] == UInt8(ascii: ":") else { return }
        i += 1
        if i < bytes.count, bytes[i] == UInt8(ascii: " ") { i += 1 }
        app = name
        process = id
        at = i
    }

    private static func isTagByte(_ c: UInt8) -> Bool {
        FieldNames.isPlain(c) || c == UInt8(ascii: "-") || c == UInt8(ascii: ".") || c == UInt8(ascii: "/")
            || c == UInt8(ascii: "@") || c == UInt8(ascii: "(") || c == UInt8(ascii: ")")
    }
}
