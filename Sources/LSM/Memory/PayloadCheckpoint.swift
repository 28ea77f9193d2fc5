import Bedrock
import Model

/// Checkpoint blocks of a memtable: the payloads applied since the block before, as they are.
///
/// ```
/// ┌────────────┬─────────┬─ per record ─────────────────────────────────────────┐
/// │ version u8 │ records │ tenant (prefixed), queue offset, payload (prefixed)  │
/// │     1      │ varint  │                                                      │
/// └────────────┴─────────┴──────────────────────────────────────────────────────┘
/// ```
package enum PayloadCheckpoint {
    private static let version: UInt8 = 1

    package static func write(
        _ records: [(tenant: Tenant, offset: UInt64, payload: UnsafeRawBufferPointer)], into block: inout ByteBuffer
    ) {
        block.reserve(records.reduce(0) { $0 + $1.payload.count + 32 })
        block.append(version)
        block.append(varint: records.count)
        for record in records {
            block.append(prefixed: record.tenant.name)
            block.append(varint: record.offset)
            block.append(prefixed: record.payload)
        }
    }

    /// The records of a block; payloads point into it.
    package static func read(
        _ block: UnsafeRawBufferPointer
    ) throws(DecodeError) -> [(tenant: Tenant, offset: UInt64, payload: UnsafeRawBufferPointer)] {
        var reader = ByteReader(block)
        let found = try reader.u8()
        guard found == version else { throw DecodeError("unknown checkpoint version \(found)", at: 0) }
        var records: [(tenant: Tenant, offset: UInt64, payload: UnsafeRawBufferPointer)] = []
        // A record takes three bytes at least.
        for _ in 0..<(try reader.length(limit: reader.remaining / 3)) {
            let tenant = Tenant(String(decoding: try reader.prefixed(), as: UTF8.self))
            records.append((tenant, try reader.varint(), try reader.prefixed()))
        }
        guard reader.isAtEnd else { throw DecodeError("bytes behind the end of a checkpoint", at: reader.offset) }
        return records
    }
}
