import Bedrock
import Model

/// The disk queue of log records, and the positions that its records carry. Not thread-safe.
///
/// Lines and how far their sources were read become durable in one record, under one sequence. So after a crash either the record is there:
/// then its bytes aren't read again, and it is sent under the sequence it always had; or it is not: then it was never sent, and its bytes
/// are read again. The positions' file only has to catch up before a file of the queue goes.
final class LogQueue {
    private final class Account: DiskQueueWitness {
        let directory: String
        let files: any FileSystem
        var table = PositionTable()
        /// The table as the file has it.
        var isWritten = true
        /// Records whose advances can't be read.
        var undecodable = 0

        init(_ directory: String, _ files: any FileSystem) {
            self.directory = directory
            self.files = files
        }

        func accountedFor(identity: UInt64) -> UInt64 {
            if table.identity != identity {
                // Another queue: its records are all news, what is known of the sources stays.
                table.identity = identity
                table.sequence = 0
                isWritten = false
            }
            return table.sequence
        }

        func found(_ sequence: UInt64, _ payload: [UInt8]) {
            let advances = payload.withUnsafeBytes { try? LogRecordCodec.advances($0) }
            if let advances { take(advances, sequence) } else { undecodable += 1 }
        }

        func take(_ advances: [LogAdvance], _ sequence: UInt64) {
            table.apply(advances)
            table.sequence = max(table.sequence, sequence)
            isWritten = false
        }

        func mayRemove(through sequence: UInt64) -> Bool {
            guard !isWritten else { return true }
            do throws(FileError) { try table.write(directory, files) } catch { return false }
            isWritten = true
            return true
        }
    }

    private let queue: DiskQueue
    private let account: Account
    /// Appended to the queue, not durable yet.
    private var gathered: (sequence: UInt64, advances: [LogAdvance], rows: Int)?
    /// Encoded, with no room in the queue so far.
    private var waiting: (payload: [UInt8], advances: [LogAdvance], rows: Int)?

    /// Opens, or makes, the queue in `directory`, positions included.
    init(
        _ directory: String, files: any FileSystem, options: QueueOptions, random: inout some RandomNumberGenerator
    ) throws(QueueFailure) {
        account = Account(directory, files)
        account.table = try PositionTable.read(directory, files) ?? PositionTable()
        queue = try DiskQueue(directory, files: files, options: options, random: &random, witness: account)
    }

    var identity: UInt64 { queue.identity }
    var backlog: (records: Int, samples: Int) { queue.backlog }
    var byteCount: Int { queue.byteCount }
    /// How far the sources were read for what is durable.
    var positions: [String: [UInt8]] { account.table.entries }
    /// Records whose advances couldn't be read at the start.
    var undecodable: Int { account.undecodable }
    /// A record was put and isn't durable yet; `store` again before the next `put`.
    var isBusy: Bool { gathered != nil || waiting != nil }
    /// There was no room for the record that waits.
    var isBlocked: Bool { waiting != nil }

    func takeLosses() -> [DiskQueue.Loss] { queue.takeLosses() }

    /// Takes a record to make durable by `store`.
    func put(_ record: LogRecord) {
        precondition(!isBusy, "put while another record waits")
        var payload = ByteBuffer(capacity: 64 << 10)
        LogRecordCodec.encode(record, into: &payload)
        waiting = (payload.array(), record.advances, record.rowCount)
    }

    /// Makes the record that was put durable.
    /// - Returns: its lines; nil while there is no room.
    /// - Throws: for a failing disk. It is still there: call again later.
    func store() throws(QueueFailure) -> Int? {
        if let next = waiting {
            do throws(QueueFailure) {
                let sequence = try next.payload.withUnsafeBufferPointer { (raw) throws(QueueFailure) in
                    try queue.append(UnsafeRawBufferPointer(raw), samples: next.rows)
                }
                gathered = (sequence, next.advances, next.rows)
                waiting = nil
            } catch {
                if case .full = error { return nil }
                throw error
            }
        }
        try queue.sync()
        guard let done = gathered else { return 0 }
        account.take(done.advances, done.sequence)
        gathered = nil
        return done.rows
    }

    func oldest() throws(QueueFailure) -> DiskQueue.Record? { try queue.oldest() }

    func acknowledge(_ sequence: UInt64) throws(QueueFailure) { try queue.acknowledge(sequence) }

    /// Writes both positions, so that a start finds nothing to do.
    func writePositions() throws(QueueFailure) {
        _ = account.mayRemove(through: .max)
        try queue.writePosition()
    }
}
