import Bedrock
import LSM
import Model

/// The payload of a queue record of traces, version 1.
///
/// ```
/// ┌────────────┬───────────┬─ per resource ──┬────────┬─ per scope ─────────────────┬───────┬─ per span ─┐
/// │ version u8 │ resources │ attributes,     │ scopes │ name, version, attributes,  │ spans │ bytes,     │
/// │     1      │ varint    │ schema, dropped │ varint │ schema, dropped             │varint │ `SpanBytes`│
/// └────────────┴───────────┴─────────────────┴────────┴─────────────────────────────┴───────┴────────────┘
/// ```
/// Texts and attributes have a varint length in front; dropped counts are varints. A memtable keeps payloads as they are, so the form is also
/// that of spans in memory.
public enum SpanRecord {
    static let version: UInt8 = 1

    /// Appends the rows `rows` (positions in `batch.rows`) of a batch as one payload.
    public static func encode(_ batch: SpanBatch, rows: [Int32], into target: inout ByteBuffer) {
        target.append(version)
        // Only what these rows refer to.
        var resources = [Int32](repeating: -1, count: batch.resources.count)
        var scopes = [Int32](repeating: -1, count: batch.scopes.count)
        var resourceList: [Int] = []
        var scopeList: [Int] = []
        let all = batch.rows
        for index in rows {
            let row = all[Int(index)]
            if resources[Int(row.resource)] < 0 {
                resources[Int(row.resource)] = Int32(resourceList.count)
                resourceList.append(Int(row.resource))
            }
            if scopes[Int(row.scope)] < 0 {
                scopes[Int(row.scope)] = Int32(scopeList.count)
                scopeList.append(Int(row.scope))
            }
        }
        batch.withArena { arena in
            target.append(varint: resourceList.count)
            for index in resourceList { append(batch.resources[index], arena, to: &target) }
            target.append(varint: scopeList.count)
            for index in scopeList { append(batch.scopes[index], arena, to: &target) }
            target.append(varint: rows.count)
            for index in rows {
                let row = all[Int(index)]
                SpanBytes.append(
                    row, resource: resources[Int(row.resource)], scope: scopes[Int(row.scope)], arena, to: &target)
            }
        }
    }

    static func append(_ resource: SpanBatch.Resource, _ arena: UnsafeRawBufferPointer, to target: inout ByteBuffer) {
        target.append(prefixed: arena[resource.attributes])
        target.append(prefixed: arena[resource.schemaURL])
        target.append(varint: UInt64(resource.droppedAttributes))
    }

    static func append(_ scope: SpanBatch.Scope, _ arena: UnsafeRawBufferPointer, to target: inout ByteBuffer) {
        target.append(prefixed: arena[scope.name])
        target.append(prefixed: arena[scope.version])
        target.append(prefixed: arena[scope.attributes])
        target.append(prefixed: arena[scope.schemaURL])
        target.append(varint: UInt64(scope.droppedAttributes))
    }
}

/// Walks a payload in place. Everything is checked; nothing is copied. Not thread-safe.
struct SpanRecordReader {
    private var reader: ByteReader
    /// Each as it stands, without what is in front or behind.
    private(set) var resources: ContiguousArray<UnsafeRawBufferPointer> = []
    private(set) var scopes: ContiguousArray<UnsafeRawBufferPointer> = []
    private(set) var spansLeft: Int

    init(_ payload: UnsafeRawBufferPointer) throws(DecodeError) {
        reader = ByteReader(payload)
        let version = try reader.u8()
        guard version == SpanRecord.version else { throw DecodeError("unknown record version \(version)", at: 0) }
        // A resource takes three bytes at least, a scope five.
        for _ in 0..<(try reader.length(limit: reader.remaining / 3)) {
            let from = reader.offset
            _ = try ResourceBytes(&reader)
            resources.append(UnsafeRawBufferPointer(rebasing: payload[from..<reader.offset]))
        }
        for _ in 0..<(try reader.length(limit: reader.remaining / 5)) {
            let from = reader.offset
            _ = try ScopeBytes(&reader)
            scopes.append(UnsafeRawBufferPointer(rebasing: payload[from..<reader.offset]))
        }
        spansLeft = try reader.length(limit: reader.remaining / SpanBytes.headBytes)
    }

    /// The next span, and where it stands; nil behind the last.
    mutating func next() throws(DecodeError) -> (span: SpanBytes, place: Range<Int>)? {
        guard spansLeft > 0 else {
            guard reader.isAtEnd else { throw DecodeError("bytes behind the end of a record", at: reader.offset) }
            return nil
        }
        spansLeft -= 1
        let from = reader.offset
        let span = try SpanBytes(&reader)
        guard Int(span.resource) < resources.count, Int(span.scope) < scopes.count else {
            throw DecodeError("a span of resource \(span.resource), scope \(span.scope)", at: from)
        }
        try Self.check(span.attributes, at: from)
        return (span, from..<reader.offset)
    }

    static func check(_ attributes: UnsafeRawBufferPointer, at offset: Int) throws(DecodeError) {
        var cursor = AttributeCursor(attributes)
        while cursor.next() {}
        if cursor.isDamaged { throw DecodeError("attributes that are none", at: offset) }
    }
}

/// A resource as records and segments have it.
struct ResourceBytes {
    let attributes: UnsafeRawBufferPointer
    let schemaURL: UnsafeRawBufferPointer
    let droppedAttributes: UInt32

    init(_ reader: inout ByteReader) throws(DecodeError) {
        let from = reader.offset
        attributes = try reader.prefixed()
        schemaURL = try reader.prefixed()
        droppedAttributes = UInt32(clamping: try reader.varint())
        try SpanRecordReader.check(attributes, at: from)
    }

    /// - Throws: when the bytes are not exactly a resource.
    init(_ bytes: UnsafeRawBufferPointer) throws(DecodeError) {
        var reader = ByteReader(bytes)
        self = try ResourceBytes(&reader)
        guard reader.isAtEnd else { throw DecodeError("bytes behind a resource", at: reader.offset) }
    }

    /// Adds it to a batch; gives its number there.
    func append(to batch: SpanBatch) -> Int32 {
        var copy = SpanBatch.Resource()
        copy.attributes = batch.write(attributes)
        copy.schemaURL = batch.write(schemaURL)
        copy.droppedAttributes = droppedAttributes
        return batch.append(copy)
    }
}

/// A scope as records and segments have it.
struct ScopeBytes {
    let name: UnsafeRawBufferPointer
    let version: UnsafeRawBufferPointer
    let attributes: UnsafeRawBufferPointer
    let schemaURL: UnsafeRawBufferPointer
    let droppedAttributes: UInt32

    init(_ reader: inout ByteReader) throws(DecodeError) {
        let from = reader.offset
        name = try reader.prefixed()
        version = try reader.prefixed()
        attributes = try reader.prefixed()
        schemaURL = try reader.prefixed()
        droppedAttributes = UInt32(clamping: try reader.varint())
        try SpanRecordReader.check(attributes, at: from)
    }

    init(_ bytes: UnsafeRawBufferPointer) throws(DecodeError) {
        var reader = ByteReader(bytes)
        self = try ScopeBytes(&reader)
        guard reader.isAtEnd else { throw DecodeError("bytes behind a scope", at: reader.offset) }
    }

    func append(to batch: SpanBatch) -> Int32 {
        var copy = SpanBatch.Scope()
        copy.name = batch.write(name)
        copy.version = batch.write(version)
        copy.attributes = batch.write(attributes)
        copy.schemaURL = batch.write(schemaURL)
        copy.droppedAttributes = droppedAttributes
        return batch.append(copy)
    }
}
