/// How a queue names itself to receivers.
enum ProducerName {
    /// Receivers take 150 bytes of letters, digits and a few signs.
    private static let hostBytesMax = 120

    /// The host's name, for people, and the queue's identity, which makes it unique: `web-1-9f86d081884c7d65`.
    static func make(_ host: String, identity: UInt64) -> String {
        let safe = host.utf8.prefix(hostBytesMax).map { c -> UInt8 in
            (c | 0x20) &- 97 < 26 || c &- 48 < 10 || c == UInt8(ascii: ".") || c == UInt8(ascii: "_")
                ? c : UInt8(ascii: "-")
        }
        return String(decoding: safe, as: UTF8.self) + "-" + String(identity, radix: 16)
    }
}
