/// The tables of the catalog, version 1. Offsets, epochs and sequences are unsigned 64-bit numbers kept in signed columns, bit for bit.
enum CatalogSchema {
    static let version = 1

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
            name TEXT NOT NULL PRIMARY KEY, signal TEXT NOT NULL, shard INTEGER NOT NULL, delete_after INTEGER NOT NULL
            ) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS tombstones (
            signal TEXT NOT NULL, shard INTEGER NOT NULL, position INTEGER NOT NULL, tenant TEXT NOT NULL,
            matchers BLOB NOT NULL, time_min INTEGER NOT NULL, time_max INTEGER NOT NULL,
            PRIMARY KEY (signal, shard, position)) WITHOUT ROWID;
        """
}
