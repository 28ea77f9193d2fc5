import Model

/// The collector of the same process (`obsd all`), or a test's memory.
public struct SinkDestination: Destination {
    public let name: String
    private let sink: any MetricSink

    public init(name: String = "local", _ sink: any MetricSink) {
        self.name = name
        self.sink = sink
    }

    public func send(_ batch: MetricBatch, origin: BatchOrigin, done: @escaping @Sendable (DeliveryOutcome) -> Void) {
        sink.write(batch, origin: origin) { result in
            switch result {
            case .success(let receipt):
                done(.delivered(rejected: receipt.rejected, firstRejection: receipt.firstRejection))
            case .failure(.invalid(let text)): done(.refused(reason: "invalid", text: text))
            case .failure(.tooLarge(let text)): done(.refused(reason: "too_large", text: text))
            case .failure(.overloaded(let text, let seconds)), .failure(.tenantLimit(let text, let seconds)):
                done(.retry(text: text, afterSeconds: Double(seconds)))
            case .failure(.diskFull(let text)), .failure(.unavailable(let text)):
                done(.retry(text: text, afterSeconds: nil))
            }
        }
    }
}
