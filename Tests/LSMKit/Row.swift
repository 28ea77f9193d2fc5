import Bedrock

/// A row of the test format. Rows with equal key and time are all kept, in the order they came, so that a lost, doubled or reordered one shows.
public struct Row: Hashable, Sendable, Comparable {
    public var key: String
    public var time: Int64
    public var value: UInt64

    public init(_ key: String, _ time: Int64, _ value: UInt64) {
        self.key = key
        self.time = time
        self.value = value
    }

    /// By key and time; the value doesn't count.
    public static func < (a: Row, b: Row) -> Bool { a.key != b.key ? a.key < b.key : a.time < b.time }
}

/// Rows as bytes: a count, then key, time and value of each.
public enum RowCoding {
    public static func append(_ rows: some Collection<Row>, to buffer: inout ByteBuffer) {
        buffer.append(varint: rows.count)
        for row in rows {
            buffer.append(prefixed: row.key)
            buffer.append(signedVarint: row.time)
            buffer.append(varint: row.value)
        }
    }

    public static func read(_ bytes: UnsafeRawBufferPointer) throws -> [Row] {
        var reader = ByteReader(bytes)
        let count = try reader.length(limit: bytes.count)
        return try (0..<count).map { _ in
            let key = String(decoding: try reader.prefixed(), as: UTF8.self)
            let time = try reader.signedVarint()
            return Row(key, time, try reader.varint())
        }
    }
}
