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
        sink.write(batch, origin: origin) { done(DeliveryOutcome($0)) }
    }
}

extension DeliveryOutcome {
    /// What a sink's answer means to a sender.
    init(_ result: Result<WriteReceipt, WriteError>) {
        switch result {
        case .success(let receipt):
            self = .delivered(rejected: receipt.rejected, firstRejection: receipt.firstRejection)
        case .failure(.invalid(let text)): self = .refused(reason: "invalid", text: text)
        case .failure(.tooLarge(let text)): self = .refused(reason: "too_large", text: text)
        case .failure(.overloaded(let text, let seconds)), .failure(.tenantLimit(let text, let seconds)):
            self = .retry(text: text, afterSeconds: Double(seconds))
        case .failure(.diskFull(let text)), .failure(.unavailable(let text)):
            self = .retry(text: text, afterSeconds: nil)
        }
    }
}
