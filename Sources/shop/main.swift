import Bedrock
import Dispatch
import Glibc
import Obs
import Synchronization
import Transport

/// The demo: six small services that call each other over HTTP, visitors, and faults on demand.
let usage = """
    usage: shop [--otlp URL] [--rate N] [--control HOST:PORT] [--seconds N]

      --otlp URL           where telemetry goes, OTLP over HTTP (default http://127.0.0.1:4318)
      --rate N             visits a second (default 5)
      --control HOST:PORT  where faults are set (default 127.0.0.1:7075)
      --seconds N          ends by itself after so long (default: at SIGTERM or Ctrl-C)

    curl -X POST 'http://127.0.0.1:7075/faults?service=payment&errors=0.3&delay=400'
    curl -X DELETE http://127.0.0.1:7075/faults

    """

func fail(_ text: String, _ status: Int32) -> Never {
    var text = text
    text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    exit(status)
}

var collector = "http://127.0.0.1:4318"
var rate = 5.0
var control = ListenAddress("127.0.0.1", 7075)
var seconds = Double.infinity
var words = CommandLine.arguments.dropFirst()
while let word = words.popFirst() {
    if word == "--help" || word == "-h" { fail(usage, 0) }
    guard let value = words.popFirst() else { fail("shop: \(word) wants a value\n\n" + usage, 2) }
    switch word {
    case "--otlp":
        guard value.hasPrefix("http://") || value.hasPrefix("https://") else { fail("shop: --otlp is a URL\n", 2) }
        collector = value
    case "--rate":
        guard let number = Double(value), number > 0, number <= 1000 else {
            fail("shop: --rate is over 0, at most 1000\n", 2)
        }
        rate = number
    case "--control":
        guard let address = ListenAddress(parsing: value) else { fail("shop: --control is HOST:PORT\n", 2) }
        control = address
    case "--seconds":
        guard let number = Double(value), number > 0 else { fail("shop: --seconds is a number over 0\n", 2) }
        seconds = number
    default: fail("shop: unknown option \(word)\n\n" + usage, 2)
    }
}

signal(SIGPIPE, SIG_IGN)
let isEnding = Atomic<Bool>(false)
signal(SIGTERM) { _ in isEnding.store(true, ordering: .relaxed) }
signal(SIGINT) { _ in isEnding.store(true, ordering: .relaxed) }

let faults = Faults()
let directory = Directory()
do {
    let services = try Catalogue.services.map {
        try Service($0, collector: collector, faults: faults, directory: directory)
    }
    let port = HTTPServer(HTTPServerOptions(listen: control), routes: Control.routes(faults))
    try port.start()
    print("shop: telemetry goes to \(collector), faults at \(port.url)")
    let visitors = HTTPClient()
    let clock = SystemClock()
    let began = clock.monotonicNanoseconds()
    let weights = Catalogue.visits.flatMap { Array(repeating: $0.operation, count: $0.weight) }
    while !isEnding.load(ordering: .relaxed), Double(clock.monotonicNanoseconds() - began) / 1e9 < seconds {
        let visit = weights[Int.random(in: 0..<weights.count)]
        let url = "\(directory.url("gateway"))/\(visit)?user=u\(Int.random(in: 1...500))"
        visitors.send(HTTPCall(.get, url, timeoutSeconds: 30)) { _ in }
        usleep(UInt32(1e6 / rate * Double.random(in: 0.5...1.5)))
    }
    port.shutdown(deadlineSeconds: 1)
    // Side by side: each may take its deadline.
    DispatchQueue.concurrentPerform(iterations: services.count) { services[$0].stop() }
} catch {
    fail("shop: \(error)\n", 1)
}
