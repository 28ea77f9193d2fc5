import Bedrock
import CSQLite
import Model
import Synchronization

/// The embedded `Catalog`: one SQLite file in WAL mode with `synchronous=FULL`, so that a commit that returned is on the medium.
///
/// It goes to the operating system's files directly; simulations use `MemoryCatalog`.
public final class SQLiteCatalog: Catalog, @unchecked Sendable {
    private let lock = Mutex(())
    /// Guarded by `lock`.
    private let database: SQLiteDatabase

    /// Opens or creates the file.
    /// - Parameter readOnly: for inspection; every change fails.
    public init(path: String, readOnly: Bool = false) throws(CatalogError) {
        database = try SQLiteDatabase(path: path, readOnly: readOnly)
        let found = try Self.version(database)
        if found > CatalogSchema.version { throw .newerVersion(found: found, known: CatalogSchema.version) }
        database.schemaVersion = found
        if readOnly { return }
        try database.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=256;")
        if found < CatalogSchema.version {
            let make = found == 0 ? CatalogSchema.create : CatalogSchema.fromVersion1
            try database.transaction { () throws(CatalogError) in
                try database.run(make + "PRAGMA user_version=\(CatalogSchema.version);")
            }
            database.schemaVersion = CatalogSchema.version
        }
    }

    private static func version(_ database: SQLiteDatabase) throws(CatalogError) -> Int {
        var version = 0
        try database.statement("PRAGMA user_version").rows { version = Int($0.integer(0)) }
        return version
    }

    public func acquire(_ shard: ShardKey, holder: String) throws(CatalogError) -> ShardState {
        try locked { database throws(CatalogError) in
            try database.transaction { () throws(CatalogError) in
                try database.statement(
                    """
                    INSERT INTO shards (signal, shard, epoch, holder, position) VALUES (?, ?, 1, ?, 0)
                    ON CONFLICT (signal, shard) DO UPDATE SET epoch = epoch + 1, holder = excluded.holder
                    """
                ).bind(.text(shard.signal), .integer(Int64(shard.index)), .text(holder)).run()
                guard let state = try database.state(shard) else {
                    throw .failed("shard \(shard) is not there after insert")
                }
                return state
            }
        }
    }

    public func state(_ shard: ShardKey) throws(CatalogError) -> ShardState? {
        try locked { database throws(CatalogError) in try database.state(shard) }
    }

    public func shards() throws(CatalogError) -> [ShardKey] {
        try locked { database throws(CatalogError) in
            var keys: [ShardKey] = []
            try database.statement("SELECT signal, shard FROM shards").rows {
                keys.append(ShardKey(signal: $0.text(0), index: Int($0.integer(1))))
            }
            return keys.sorted()
        }
    }

    public func reserve(_ object: String, shard: ShardKey, epoch: UInt64) throws(CatalogError) {
        try locked { database throws(CatalogError) in
            try database.transaction { () throws(CatalogError) in
                try database.requireEpoch(epoch, shard)
                for table in ["segments", "removed"] {
                    var isTaken = false
                    try database.statement("SELECT 1 FROM \(table) WHERE name = ?").bind(.text(object)).rows { _ in
                        isTaken = true
                    }
                    if isTaken { throw .conflict("\(object) is taken") }
                }
                try database.statement(
                    "INSERT OR IGNORE INTO reservations (name, signal, shard, epoch) VALUES (?, ?, ?, ?)"
                ).bind(.text(object), .text(shard.signal), .integer(Int64(shard.index)), .bits(epoch)).run()
                if database.changes != 1 { throw .conflict("\(object) is taken") }
            }
        }
    }

    public func commit(_ edit: CatalogEdit) throws(CatalogError) {
        try locked { database throws(CatalogError) in
            try database.transaction { () throws(CatalogError) in
                try database.requireEpoch(edit.epoch, edit.shard)
                try database.apply(edit)
            }
        }
    }

    private func locked<R>(_ body: (SQLiteDatabase) throws(CatalogError) -> R) throws(CatalogError) -> R {
        let result = lock.withLock { _ -> Result<R, CatalogError> in
            do throws(CatalogError) { return .success(try body(database)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}

extension SQLiteStatement.Value {
    /// An unsigned number, bit for bit.
    static func bits(_ value: UInt64) -> Self { .integer(Int64(bitPattern: value)) }
}
