import Bedrock
import Model

/// One record on its way into a shard: whose it is, how a retry is recognised, and a payload that only the segment format understands.
///
/// The caller makes it, appends the payload and hands it to `submit`, which takes it over. Not thread-safe; one owner at a time.
public final class WriteRecord: @unchecked Sendable {
    public let tenant: Tenant
    public let producer: BatchOrigin.Producer?
    private var buffer: ByteBuffer
    private let payloadStart: Int

    public init(tenant: Tenant = .default, producer: BatchOrigin.Producer? = nil, capacity: Int = 4096) {
        self.tenant = tenant
        self.producer = producer
        buffer = ByteBuffer(capacity: capacity + 64)
        RecordHeader(kind: .rows, tenant: tenant, producer: producer).append(to: &buffer)
        payloadStart = buffer.count
    }

    /// A delete: rows of lower offsets that match are hidden from then on.
    init(delete tombstone: Tombstone) {
        tenant = tombstone.tenant
        producer = nil
        buffer = ByteBuffer()
        RecordHeader(kind: .delete, tenant: tenant, producer: nil).append(to: &buffer)
        payloadStart = buffer.count
        buffer.append(littleEndian: tombstone.range.start)
        buffer.append(littleEndian: tombstone.range.end)
        MatcherCoding.append(tombstone.matchers, to: &buffer)
        buffer.append(prefixed: tombstone.predicate)
        buffer.append(prefixed: tombstone.id)
        buffer.append(signedVarint: tombstone.createdAt)
    }

    /// Lets `body` append to the payload; what was there before `body` must stay.
    public func withPayload<R>(_ body: (inout ByteBuffer) throws -> R) rethrows -> R {
        defer { precondition(buffer.count >= payloadStart, "the record's header was cut") }
        return try body(&buffer)
    }

    public var payloadByteCount: Int { buffer.count - payloadStart }

    /// Header and payload.
    var byteCount: Int { buffer.count }

    func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try body(buffer.bytes)
    }
}

/// The start of a queue record: version, kind, tenant, and the producer's name, lane and sequence where there is one.
struct RecordHeader: Equatable {
    enum Kind: UInt8 {
        case rows = 1
        case delete = 2
    }

    static let version: UInt8 = 1

    var kind: Kind
    var tenant: Tenant
    var producer: BatchOrigin.Producer?

    init(kind: Kind, tenant: Tenant, producer: BatchOrigin.Producer?) {
        self.kind = kind
        self.tenant = tenant
        self.producer = producer
    }

    func append(to buffer: inout ByteBuffer) {
        buffer.append(Self.version)
        buffer.append(kind.rawValue)
        buffer.append(prefixed: tenant.name)
        buffer.append(UInt8(producer == nil ? 0 : 1))
        guard let producer else { return }
        buffer.append(prefixed: producer.name)
        buffer.append(varint: UInt64(producer.lane))
        buffer.append(varint: producer.sequence)
    }

    /// Reads the header and leaves `reader` at the payload.
    init(_ reader: inout ByteReader) throws(DecodeError) {
        let version = try reader.u8()
        guard version == Self.version else { throw DecodeError("record version \(version) is unknown", at: 0) }
        let code = try reader.u8()
        guard let kind = Kind(rawValue: code) else { throw DecodeError("record kind \(code) is unknown", at: 1) }
        self.kind = kind
        tenant = Tenant(String(decoding: try reader.prefixed(), as: UTF8.self))
        guard try reader.u8() == 1 else { return }
        let name = String(decoding: try reader.prefixed(), as: UTF8.self)
        let lane = try reader.varint()
        producer = BatchOrigin.Producer(
            name: name, lane: UInt32(truncatingIfNeeded: lane), sequence: try reader.varint())
    }

    var lane: Lane? { producer.map { Lane(producer: $0.name, number: $0.lane) } }
}

extension Tombstone {
    /// From a delete record's payload. Records written before deletes had predicates end behind the matchers.
    init(tenant: Tenant, offset: UInt64, _ reader: inout ByteReader) throws {
        let start = try reader.littleEndian(Int64.self)
        let end = try reader.littleEndian(Int64.self)
        self.init(
            tenant: tenant, matchers: try MatcherCoding.read(&reader), range: TimeRange(start, end), offset: offset)
        guard !reader.isAtEnd else { return }
        predicate = String(decoding: try reader.prefixed(), as: UTF8.self)
        id = String(decoding: try reader.prefixed(), as: UTF8.self)
        createdAt = try reader.signedVarint()
    }
}
