import CSQLite

/// A connection to one database file. Not thread-safe: its owner holds a lock around it.
final class SQLiteDatabase {
    private var connection: OpaquePointer?
    private var statements: [String: SQLiteStatement] = [:]
    let path: String
    /// Of the tables found; below the newest only where the file is read and never written.
    var schemaVersion = 0

    /// Opens or creates the file.
    init(path: String, readOnly: Bool = false) throws(CatalogError) {
        self.path = path
        let flags = (readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) | SQLITE_OPEN_NOMUTEX
        let status = sqlite3_open_v2(path, &connection, flags, nil)
        guard status == SQLITE_OK else {
            let failure = error("open", status)
            sqlite3_close_v2(connection)
            connection = nil
            throw failure
        }
        sqlite3_busy_timeout(connection, 5_000)
    }

    deinit {
        statements.removeAll()
        sqlite3_close_v2(connection)
    }

    /// Runs statements that return nothing.
    func run(_ sql: String) throws(CatalogError) {
        let status = sqlite3_exec(connection, sql, nil, nil, nil)
        if status != SQLITE_OK { throw error("run", status) }
    }

    /// A prepared statement, kept for the next time.
    func statement(_ sql: String) throws(CatalogError) -> SQLiteStatement {
        if let known = statements[sql] {
            known.reset()
            return known
        }
        var handle: OpaquePointer?
        let status = sqlite3_prepare_v2(connection, sql, -1, &handle, nil)
        guard status == SQLITE_OK, let handle else { throw error("prepare", status) }
        let made = SQLiteStatement(handle, of: self)
        statements[sql] = made
        return made
    }

    /// Rows changed by the statement run last.
    var changes: Int { Int(sqlite3_changes(connection)) }

    /// Runs `body` in a transaction that takes the write lock at once; an error rolls back.
    func transaction<R>(_ body: () throws(CatalogError) -> R) throws(CatalogError) -> R {
        try run("BEGIN IMMEDIATE")
        do throws(CatalogError) {
            let result = try body()
            try run("COMMIT")
            return result
        } catch {
            // Statements must not be in the middle of their rows, and SQLite may have rolled back by itself (a full disk).
            for statement in statements.values { statement.reset() }
            if sqlite3_get_autocommit(connection) == 0 { sqlite3_exec(connection, "ROLLBACK", nil, nil, nil) }
            throw error
        }
    }

    func error(_ action: String, _ status: Int32) -> CatalogError {
        let text = connection.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(status))
        let message = "catalog \(path): cannot \(action): \(text)"
        return status & 0xFF == SQLITE_FULL ? .full(message) : .failed(message)
    }
}

/// A prepared statement with its bindings. Belongs to its database's owner.
final class SQLiteStatement {
    private let handle: OpaquePointer
    private unowned let database: SQLiteDatabase

    fileprivate init(_ handle: OpaquePointer, of database: SQLiteDatabase) {
        self.handle = handle
        self.database = database
    }

    deinit { sqlite3_finalize(handle) }

    enum Value {
        case integer(Int64)
        case text(String)
        case blob([UInt8])
        case null
    }

    fileprivate func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    func bind(_ values: Value...) throws(CatalogError) -> SQLiteStatement {
        reset()
        // SQLITE_TRANSIENT: SQLite copies the bytes.
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        for (index, value) in values.enumerated() {
            let position = Int32(index + 1)
            let status =
                switch value {
                case .integer(let number): sqlite3_bind_int64(handle, position, number)
                case .text(let text): sqlite3_bind_text(handle, position, text, Int32(text.utf8.count), transient)
                case .blob(let bytes): sqlite3_bind_blob(handle, position, bytes, Int32(bytes.count), transient)
                case .null: sqlite3_bind_null(handle, position)
                }
            if status != SQLITE_OK { throw database.error("bind", status) }
        }
        return self
    }

    /// Runs to the end.
    func run() throws(CatalogError) {
        while try step() {}
        sqlite3_reset(handle)
    }

    /// Calls `body` for each row.
    func rows(_ body: (SQLiteStatement) throws(CatalogError) -> Void) throws(CatalogError) {
        while try step() { try body(self) }
        sqlite3_reset(handle)
    }

    private func step() throws(CatalogError) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let status:
            let failure = database.error("step", status)
            sqlite3_reset(handle)
            throw failure
        }
    }

    // Columns of the current row.

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func text(_ column: Int32) -> String {
        guard let start = sqlite3_column_text(handle, column) else { return "" }
        return String(
            decoding: UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))), as: UTF8.self
        )
    }

    func blob(_ column: Int32) -> [UInt8] {
        let count = Int(sqlite3_column_bytes(handle, column))
        guard count > 0, let start = sqlite3_column_blob(handle, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }
}
