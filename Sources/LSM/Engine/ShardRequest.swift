import Model

/// What stands in a shard's queue in memory.
enum ShardRequest: Sendable {
    case write(WriteRecord, done: @Sendable (Result<Void, WriteError>) -> Void)
    /// Seal what is in memory; `done` follows when it is committed.
    case flush(done: @Sendable (Result<Void, WriteError>) -> Void)
}
