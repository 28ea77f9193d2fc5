import Bedrock
import Formats
import Model
import Synchronization

/// Gathers messages into batches and hands them to the sink, one at a time and in order, while the next one fills. Used by one thread.
final class SyslogBatcher {
    private enum Flight {
        case none
        case flying(LogBatch, LogDecodeReport)
        /// To be handed over again at a time; `isReserved`: its memory is accounted for.
        case waiting(LogBatch, LogDecodeReport, until: UInt64, isReserved: Bool)
    }

    private let context: LogReceiverContext
    private let instruments: ReceiverInstruments
    private let origin: BatchOrigin
    private let batchBytesMax: Int
    /// Whether the sender waits: then a batch that the sink has no room for is kept, else dropped.
    private let senderWaits: Bool
    private let answered: AnswerBox
    private var decoder: SyslogDecoder
    private var filling: LogBatch?
    private var flight = Flight.none

    /// Longest time between attempts, in nanoseconds.
    private static let retryNanoseconds: UInt64 = 200_000_000

    /// The sink's answer to the batch in flight, left by another thread.
    private final class AnswerBox: Sendable {
        let answer = Mutex<Result<WriteReceipt, WriteError>?>(nil)
        let wake: @Sendable () -> Void

        init(wake: @escaping @Sendable () -> Void) { self.wake = wake }
    }

    /// - Parameter wake: called from any thread when there is an answer to look at.
    init(
        _ context: LogReceiverContext, instruments: ReceiverInstruments, tenant: Tenant, batchBytesMax: Int,
        senderWaits: Bool, wake: @escaping @Sendable () -> Void
    ) {
        self.context = context
        self.instruments = instruments
        self.batchBytesMax = batchBytesMax
        self.senderWaits = senderWaits
        origin = BatchOrigin(tenant: tenant)
        decoder = SyslogDecoder(options: context.decoding)
        answered = AnswerBox(wake: wake)
    }

    /// No more messages until the sink has taken a batch.
    var isFull: Bool { (filling?.byteCount ?? 0) >= batchBytesMax }

    var isEmpty: Bool {
        if case .none = flight { return filling == nil }
        return false
    }

    func add(_ message: UnsafeRawBufferPointer, peer: [UInt8]) {
        let batch: LogBatch
        if let filling {
            batch = filling
        } else {
            batch = context.pool.take()
            filling = batch
            decoder.begin()
        }
        peer.withUnsafeBytes { decoder.add(message, peer: $0, arrival: context.arrival(), to: batch) }
    }

    /// Looks at the sink's answer, and hands over what waits.
    func proceed() {
        settle()
        switch flight {
        case .flying: return
        case .waiting(let batch, let report, let time, let isReserved):
            if context.clock.monotonicNanoseconds() >= time { offer(batch, report, isReserved: isReserved) }
        case .none:
            guard let batch = filling else { return }
            filling = nil
            let report = decoder.finish(batch)
            if batch.isEmpty { return end(batch, report, stored: 0) }
            offer(batch, report, isReserved: false)
        }
    }

    private func offer(_ batch: LogBatch, _ report: LogDecodeReport, isReserved: Bool) {
        if isReserved || context.memory.tryGrow(by: batch.byteCount) { return send(batch, report) }
        if senderWaits { return wait(batch, report, isReserved: false) }
        flight = .none
        drop(batch, report, "overloaded")
    }

    private func send(_ batch: LogBatch, _ report: LogDecodeReport) {
        flight = .flying(batch, report)
        let answered = answered
        context.sink.write(batch, origin: origin) { result in
            answered.answer.withLock { $0 = result }
            answered.wake()
        }
    }

    private func settle() {
        guard case .flying(let batch, let report) = flight,
            let answer = answered.answer.withLock({ answer in
                defer { answer = nil }
                return answer
            })
        else { return }
        flight = .none
        switch answer {
        case .success(let receipt):
            context.memory.shrink(by: batch.byteCount)
            end(batch, report, stored: receipt.accepted)
        case .failure(let error):
            let (status, _) = error.httpStatus
            if senderWaits, status >= 429 { return wait(batch, report, isReserved: true) }
            context.memory.shrink(by: batch.byteCount)
            drop(batch, report, status >= 429 ? "overloaded" : "refused")
        }
    }

    private func wait(_ batch: LogBatch, _ report: LogDecodeReport, isReserved: Bool) {
        let time = context.clock.monotonicNanoseconds() &+ Self.retryNanoseconds
        flight = .waiting(batch, report, until: time, isReserved: isReserved)
    }

    private func end(_ batch: LogBatch, _ report: LogDecodeReport, stored: Int) {
        for reason in LogRejection.allCases { instruments.lost(report.rejected(reason), reason.rawValue) }
        instruments.stored(stored)
        context.pool.give(batch)
    }

    private func drop(_ batch: LogBatch, _ report: LogDecodeReport, _ reason: String) {
        instruments.lost(batch.rowCount, reason)
        end(batch, report, stored: 0)
    }

    /// Gives up on what was not handed over. Only after the sink has answered, or never will.
    /// - Returns: whether nothing was lost.
    func abandon() -> Bool {
        settle()
        defer {
            flight = .none
            filling = nil
        }
        var lost = 0
        switch flight {
        case .none: break
        case .flying(let batch, _): lost += batch.rowCount
        case .waiting(let batch, _, _, let isReserved):
            lost += batch.rowCount
            if isReserved { context.memory.shrink(by: batch.byteCount) }
        }
        lost += filling?.rowCount ?? 0
        instruments.lost(lost, "shutdown")
        return lost == 0
    }
}
