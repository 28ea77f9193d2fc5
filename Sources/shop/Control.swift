import Bedrock
import Transport

/// The port through which a visitor makes things go wrong: `curl -X POST 'http://127.0.0.1:7075/faults?service=payment&errors=0.3&delay=400'`.
enum Control {
    static func routes(_ faults: Faults) -> [HTTPRoute] {
        [
            HTTPRoute([.post], "/faults") { request, respond in
                guard let service = request.parameter("service"), Catalogue.services.contains(service) else {
                    return respond(
                        .error(400, "bad_data", "service is one of \(Catalogue.services.joined(separator: ", "))"))
                }
                var fault = faults[service]
                if let text = request.parameter("errors") {
                    guard let share = Double(text), (0...1).contains(share) else {
                        return respond(.error(400, "bad_data", "errors is the share of requests that fail, 0 to 1"))
                    }
                    fault.errors = share
                }
                if let text = request.parameter("delay") {
                    guard let delay = Double(text), (0...60_000).contains(delay) else {
                        return respond(.error(400, "bad_data", "delay is 0 to 60000 milliseconds"))
                    }
                    fault.delay = delay
                }
                faults[service] = fault
                respond(text("\(service): errors \(fault.errors), delay \(fault.delay) ms\n"))
            },
            HTTPRoute([.delete], "/faults") { _, respond in
                faults.clear()
                respond(text("all as usual\n"))
            },
            HTTPRoute([.get], "/") { _, respond in
                let lines = Catalogue.services.map {
                    "\($0): errors \(faults[$0].errors), delay \(faults[$0].delay) ms\n"
                }
                respond(text(lines.joined()))
            },
        ]
    }

    private static func text(_ text: String) -> HTTPResponse {
        HTTPResponse(status: 200, contentType: "text/plain; charset=utf-8", text)
    }
}
