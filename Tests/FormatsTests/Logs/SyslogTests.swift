import Bedrock
import Formats
import Model
import Testing

@Suite struct SyslogTests {
    /// 2023-11-14T22:13:20Z
    private let now: Int64 = 1_700_000_000_000_000_000

    private func decode(_ messages: [[UInt8]]) -> LogRows {
        var decoder = SyslogDecoder()
        let batch = LogBatch()
        decoder.begin()
        for message in messages {
            message.withUnsafeBytes { message in
                Array("10.0.0.9".utf8).withUnsafeBytes {
                    decoder.add(message, peer: $0, arrival: now, to: batch)
                }
            }
        }
        _ = decoder.finish(batch)
        return LogRows(batch)
    }

    private func decode(_ message: String) -> LogRows.Row { decode([Array(message.utf8)]).rows[0] }

    @Test func messagesOfRFC5424() {
        let row = decode(
            #"<165>1 2023-11-14T22:13:20.003Z mymachine.example.com evntslog 42 ID47 [exampleSDID@32473 iut="3" eventSource="App\"l\]"][x] "#
                + "\u{FEFF}An event — ünï")
        #expect(
            row.labels == #"{app="evntslog", facility="local4", host="mymachine.example.com", severity="notice"}"#)
        #expect(row.time == 1_700_000_000_003_000_000)
        #expect(
            row.metadata
                == #"{exampleSDID_32473_eventSource="App\"l]", exampleSDID_32473_iut="3", msg_id="ID47", proc_id="42", x="true"}"#
        )
        #expect(String(decoding: row.line, as: UTF8.self) == "An event — ünï")
    }

    @Test func missingPartsAreTolerated() {
        let row = decode("<34>1 - - - - - -")
        #expect(row.labels == #"{facility="auth", host="10.0.0.9", severity="crit"}"#)
        #expect(row.time == now && row.line.isEmpty && row.metadata == "{}")
        #expect(decode("<34>1 - - - - - - - x").line == Array("- x".utf8))
        #expect(decode("<34>1 2023").line == Array("1 2023".utf8))
        #expect(decode("<34>1 apple pie is all I have left").line == Array("1 apple pie is all I have left".utf8))
        #expect(
            decode("<34>1 apple pie is all I have left").labels
                == #"{facility="auth", host="10.0.0.9", severity="crit"}"#)
        #expect(decode("no priority").labels == #"{facility="user", host="10.0.0.9", severity="notice"}"#)
        #expect(decode("no priority").line == Array("no priority".utf8))
        #expect(decode("<999>x").line == Array("<999>x".utf8))
    }

    @Test func messagesOfRFC3164() {
        let row = decode("<13>Nov  4 22:13:20 box su[123]: 'su root' failed: \u{1}")
        #expect(row.labels == #"{app="su", facility="user", host="box", severity="notice"}"#)
        #expect(row.time == 1_699_136_000_000_000_000 - 0)
        #expect(row.metadata == #"{proc_id="123"}"#)
        #expect(String(decoding: row.line, as: UTF8.self) == "'su root' failed: \u{1}")
        let local = decode("<13>Nov 14 22:13:20 cron: tick")
        #expect(local.labels == #"{app="cron", facility="user", host="10.0.0.9", severity="notice"}"#)
        let newer = decode("<13>2023-11-14T22:13:20+00:00 box text without a tag")
        #expect(newer.time == now && newer.line == Array("text without a tag".utf8))
        // In November, December of the year before is nearer than that of the year.
        #expect(decode("<13>Dec 31 23:59:59 box a: b").time == 1_704_067_199_000_000_000)
    }

    @Test func bytesStayWhatTheyAre() {
        let line: [UInt8] = [0xFF, 0x00, 0x0D, 0x80, 0x20]
        #expect(decode([Array("<13>1 - h a - - - ".utf8) + line]).rows[0].line == line)
        #expect(decode([Array("<13>Nov 14 22:13:20 h a: ".utf8) + line]).rows[0].line == line)
    }

    @Test func framesAreToldApartMessageByMessage() {
        let framing = SyslogFraming(messageBytesMax: 32)
        func steps(_ text: String, isLast: Bool) -> [String] {
            var found: [String] = []
            let bytes = Array(text.utf8)
            var at = 0
            loop: while true {
                let step = bytes.withUnsafeBytes { framing.next($0, from: at, isLast: isLast) }
                switch step {
                case .message(let range, let next):
                    found.append(String(decoding: bytes[range], as: UTF8.self))
                    at = next
                case .incomplete: break loop
                case .broken(let why):
                    found.append("broken: " + why)
                    break loop
                }
            }
            return found
        }
        #expect(steps("5 <1>a\n<2>b\n6 <3>c\nd<4>e\n", isLast: false) == ["<1>a\n", "<2>b"] + ["<3>c\nd", "<4>e"])
        #expect(steps("<1>a\n<2>b", isLast: false) == ["<1>a"])
        #expect(steps("<1>a\n<2>b", isLast: true) == ["<1>a", "<2>b"])
        #expect(steps("9 abc", isLast: false) == [])
        #expect(steps("99 abc", isLast: false).first?.hasPrefix("broken") == true)
        #expect(steps("123456789012 abc", isLast: false).first?.hasPrefix("broken") == true)
        #expect(steps(String(repeating: "<", count: 33), isLast: false).first?.hasPrefix("broken") == true)
    }

    @Test func damagedMessagesNeverCrash() {
        var random = SeededGenerator(seed: 15)
        let good = [
            #"<165>1 2023-11-14T22:13:20.003Z h a 42 ID47 [ex@32473 iut="3\"" e="App"][x] text"#,
            "<13>Nov  4 22:13:20 box su[123]: text", "12 <34>1 - - - -",
        ]
        for round in 0..<5000 {
            let bytes = LogSample.damaged(Array(good[round % 3].utf8), &random)
            #expect(decode([bytes]).rows.count == 1)
            let framing = SyslogFraming(messageBytesMax: 64)
            var at = 0
            while case .message(_, let next) = bytes.withUnsafeBytes({ framing.next($0, from: at, isLast: true) }) {
                #expect(next > at)
                at = next
            }
        }
    }
}
