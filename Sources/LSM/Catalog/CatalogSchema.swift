/// The tables of the catalog, version 2. Offsets, epochs and sequences are unsigned 64-bit numbers kept in signed columns, bit for bit.
enum CatalogSchema {
    static let version = 2

    static let create = """
        CREATE TABLE IF NOT EXISTS shards (
            signal TEXT NOT NULL, shard INTEGER NOT NULL,
            epoch INTEGER NOT NULL, holder TEXT NOT NULL, position INTEGER NOT NULL,
            PRIMARY KEY (signal, shard)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS lanes (
            signal TEXT NOT NULL, shard INTEGER NOT NULL, producer TEXT NOT NULL, lane INTEGER NOT NULL,
            sequence INTEGER NOT NULL, position INTEGER NOT NULL,
            PRIMARY KEY (signal, shard, producer, lane)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS segments (
            name TEXT NOT NULL PRIMARY KEY, signal TEXT NOT NULL, shard INTEGER NOT NULL, tenant TEXT NOT NULL,
            tier INTEGER NOT NULL, window_start INTEGER, window_end INTEGER,
            time_min INTEGER NOT NULL, time_max INTEGER NOT NULL,
            series_count INTEGER NOT NULL, row_count INTEGER NOT NULL, byte_count INTEGER NOT NULL,
            format_version INTEGER NOT NULL, first_position INTEGER NOT NULL, last_position INTEGER NOT NULL,
            epoch INTEGER NOT NULL, tombstones_through INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS segments_of_shard ON segments (signal, shard, tenant, last_position);
        CREATE TABLE IF NOT EXISTS reservations (
            name TEXT NOT NULL PRIMARY KEY, signal TEXT NOT NULL, shard INTEGER NOT NULL, epoch INTEGER NOT NULL
            ) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS removed (
            name TEXT NOT NULL PRIMARY KEY, signal TEXT NOT NULL, shard INTEGER NOT NULL, delete_after INTEGER NOT NULL,
            tenant TEXT, time_min INTEGER, time_max INTEGER, first_position INTEGER, tombstones_through INTEGER
            ) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS tombstones (
            signal TEXT NOT NULL, shard INTEGER NOT NULL, position INTEGER NOT NULL, tenant TEXT NOT NULL,
            matchers BLOB NOT NULL, time_min INTEGER NOT NULL, time_max INTEGER NOT NULL,
            predicate TEXT NOT NULL DEFAULT '', id TEXT NOT NULL DEFAULT '', created_at INTEGER NOT NULL DEFAULT 0,
            is_applied INTEGER NOT NULL DEFAULT 0, gone_at INTEGER,
            PRIMARY KEY (signal, shard, position)) WITHOUT ROWID;
        """

    /// What version 1 lacks: predicates and receipts of deletes.
    static let fromVersion1 = """
        ALTER TABLE removed ADD COLUMN tenant TEXT;
        ALTER TABLE removed ADD COLUMN time_min INTEGER;
        ALTER TABLE removed ADD COLUMN time_max INTEGER;
        ALTER TABLE removed ADD COLUMN first_position INTEGER;
        ALTER TABLE removed ADD COLUMN tombstones_through INTEGER;
        ALTER TABLE tombstones ADD COLUMN predicate TEXT NOT NULL DEFAULT '';
        ALTER TABLE tombstones ADD COLUMN id TEXT NOT NULL DEFAULT '';
        ALTER TABLE tombstones ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE tombstones ADD COLUMN is_applied INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE tombstones ADD COLUMN gone_at INTEGER;
        """
}
