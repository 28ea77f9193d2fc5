import Bedrock
import Formats
import Glibc
import Model
import Receivers
import Testing
import Transport

/// A sender over a real socket.
private final class SyslogSender {
    private let socket: Int32

    init(port: UInt16, datagrams: Bool = false) throws {
        socket = Glibc.socket(AF_INET, Int32(datagrams ? SOCK_DGRAM.rawValue : SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(status == 0)
    }

    deinit { close(socket) }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Int {
        var sent = 0
        while sent < bytes.count {
            let n = bytes.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if n <= 0 { break }
            sent += n
        }
        return sent
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    /// Whether the server has closed the connection, waiting for it.
    var isClosed: Bool {
        var byte: UInt8 = 0
        var time = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        return recv(socket, &byte, 1, 0) == 0
    }
}

@Suite struct SyslogReceiverTests {
    private func start(
        _ receiver: LogTestReceiver, _ change: (inout SyslogReceiver.Options) -> Void = { _ in }
    ) throws -> SyslogReceiver {
        var options = SyslogReceiver.Options()
        options.tcp = ListenAddress("127.0.0.1", 0)
        options.udp = ListenAddress("127.0.0.1", 0)
        change(&options)
        let syslog = try SyslogReceiver(receiver.context, options: options)
        syslog.start()
        return syslog
    }

    @Test func bothFramingsAndDatagrams() throws {
        let receiver = try LogTestReceiver()
        let syslog = try start(receiver)
        let tcp = try SyslogSender(port: syslog.tcpPort)
        tcp.send("<13>1 - h a - - - one\n27 <13>1 - h a - - - two\nthree<13>1 - h a - - - ")
        #expect(receiver.sink.wait(for: 2))
        tcp.send([0xFF, 0x00, 0x80, 0x0A])
        let udp = try SyslogSender(port: syslog.udpPort, datagrams: true)
        #expect(receiver.sink.wait(for: 3))
        udp.send("<14>Nov 14 22:13:20 box app[7]: four")
        #expect(receiver.sink.wait(for: 4))
        let rows = receiver.sink.rows
        #expect(
            rows.map(\.line) == [Array("one".utf8), Array("two\nthree".utf8), [0xFF, 0x00, 0x80], Array("four".utf8)])
        #expect(rows[3].labels == #"{app="app", facility="user", host="box", severity="info"}"#)
        #expect(syslog.stop(deadlineSeconds: 5))
    }

    @Test func aMegabyteLineComesThrough() throws {
        let receiver = try LogTestReceiver()
        let syslog = try start(receiver)
        let line = [UInt8](repeating: 0x61, count: 1 << 20)
        do {
            let tcp = try SyslogSender(port: syslog.tcpPort)
            tcp.send(Array("<13>1 - h a - - - ".utf8) + line)
        }
        #expect(receiver.sink.wait(for: 1))
        #expect(receiver.sink.rows.first?.line == line)
        #expect(syslog.stop(deadlineSeconds: 5))
    }

    @Test func connectionsThatCannotBeFollowedAreClosed() throws {
        let receiver = try LogTestReceiver()
        let syslog = try start(receiver) {
            $0.messageBytesMax = 64
            $0.connectionsMax = 1
        }
        let first = try SyslogSender(port: syslog.tcpPort)
        first.send("<13>1 - h a - - - ok\n")
        #expect(receiver.sink.wait(for: 1))
        #expect(try SyslogSender(port: syslog.tcpPort).isClosed)
        first.send(String(repeating: "<", count: 200))
        #expect(first.isClosed)
        #expect(receiver.ledger.total(.logs) == 1)
        #expect(syslog.stop(deadlineSeconds: 5))
    }

    @Test func overloadHoldsTCPAndDropsUDP() throws {
        let receiver = try LogTestReceiver()
        let syslog = try start(receiver) { $0.batchBytesMax = 4096 }
        receiver.sink.fail(.overloaded("busy", retryAfterSeconds: 1))
        let sent = 2000
        do {
            let tcp = try SyslogSender(port: syslog.tcpPort)
            for i in 0..<sent { tcp.send("<13>1 - h tcp - - - line \(i)\n") }
        }
        let udp = try SyslogSender(port: syslog.udpPort, datagrams: true)
        for i in 0..<500 { udp.send("<13>1 - h udp - - - line \(i)") }
        for _ in 0..<400 where receiver.ledger.total(.logs) == 0 { usleep(5000) }
        #expect(receiver.ledger.total(.logs) > 0)
        #expect(receiver.sink.rows.isEmpty)
        receiver.sink.fail(nil)
        #expect(receiver.sink.wait(for: sent))
        #expect(syslog.stop(deadlineSeconds: 5))
        let tcpLines = receiver.sink.rows.filter { $0.labels.contains(#"app="tcp""#) }
        #expect(tcpLines.map { String(decoding: $0.line, as: UTF8.self) } == (0..<sent).map { "line \($0)" })
        #expect(receiver.sink.rows.count - sent + receiver.ledger.total(.logs) == 500)
    }

    @Test func stoppingHandsOverWhatWasRead() throws {
        let receiver = try LogTestReceiver()
        let syslog = try start(receiver)
        receiver.sink.hold()
        let tcp = try SyslogSender(port: syslog.tcpPort)
        for i in 0..<100 { tcp.send("<13>1 - h a - - - \(i)\n") }
        #expect(receiver.sink.wait(for: 1))
        usleep(200_000)
        #expect(!syslog.stop(deadlineSeconds: 0.05))
        receiver.sink.release()
        #expect(receiver.sink.rows.count + receiver.ledger.total(.logs) >= 100)
    }
}
