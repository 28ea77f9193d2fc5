import Bedrock
import Model
import Synchronization

/// Sends each trace's spans to the agent that decides on it, found by rendezvous hashing of the trace id over the agents' names: all agents with
/// the same list agree, and one that leaves moves only its own traces. Thread-safe.
public final class TraceRouter: SpanSink {
    private let members: [(seed: UInt64, sink: any SpanSink)]

    /// - Parameter members: every agent by name, and where its spans go; this one's own sampler among them. At least one.
    public init(_ members: [(name: String, sink: any SpanSink)]) {
        precondition(!members.isEmpty, "a router without members")
        self.members = members.map { member in
            var name = member.name
            return (name.withUTF8 { Hash128(of: UnsafeRawBufferPointer($0)).low }, member.sink)
        }
    }

    /// Which member decides on a trace.
    func member(for id: TraceID) -> Int {
        var best = (score: UInt64(0), index: 0)
        for (index, member) in members.enumerated() {
            var score = (id.low ^ member.seed) &* 0x9e37_79b9_7f4a_7c15
            score = (score ^ score >> 32 ^ id.high) &* 0xd6e8_feb8_6659_fd93
            score ^= score >> 32
            if index == 0 || score > best.score { best = (score, index) }
        }
        return best.index
    }

    public func write(
        _ batch: SpanBatch, origin: BatchOrigin, done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void
    ) {
        guard members.count > 1 else { return members[0].sink.write(batch, origin: origin, done: done) }
        let owners = batch.rows.map { member(for: $0.traceID) }
        let wanted = Set(owners).sorted()
        guard wanted.count > 1 else {
            return members[wanted.first ?? 0].sink.write(batch, origin: origin, done: done)
        }
        let gathering = Gathering(parts: wanted.count, done)
        for owner in wanted {
            let part = SpanBatch()
            part.append(batch) { owners[$0] == owner }
            members[owner].sink.write(part, origin: BatchOrigin(tenant: origin.tenant)) { result in
                withExtendedLifetime(part) { gathering.settle(result) }
            }
        }
    }

    /// Puts the answers for parts of a batch together: the first failure, or else the sums.
    private final class Gathering: Sendable {
        private struct State {
            var left: Int
            var receipt = WriteReceipt(accepted: 0)
            var failure: WriteError?
        }

        private let state: Mutex<State>
        private let done: @Sendable (Result<WriteReceipt, WriteError>) -> Void

        init(parts: Int, _ done: @escaping @Sendable (Result<WriteReceipt, WriteError>) -> Void) {
            state = Mutex(State(left: parts))
            self.done = done
        }

        func settle(_ result: Result<WriteReceipt, WriteError>) {
            let final = state.withLock { state -> Result<WriteReceipt, WriteError>? in
                switch result {
                case .success(let receipt):
                    state.receipt.accepted += receipt.accepted
                    state.receipt.rejected += receipt.rejected
                    state.receipt.firstRejection = state.receipt.firstRejection ?? receipt.firstRejection
                case .failure(let error): state.failure = state.failure ?? error
                }
                state.left -= 1
                guard state.left == 0 else { return nil }
                return state.failure.map { .failure($0) } ?? .success(state.receipt)
            }
            if let final { done(final) }
        }
    }
}
