import Bedrock

/// Where the parts of a segment lie, each with its own checksum.
public struct Section: Sendable, Equatable {
    /// What it is; the store that writes it decides.
    public var kind: UInt8
    public var offset: Int
    public var length: Int
    /// CRC-32C of its bytes.
    public var checksum: UInt32

    public init(kind: UInt8, offset: Int, length: Int, checksum: UInt32) {
        self.kind = kind
        self.offset = offset
        self.length = length
        self.checksum = checksum
    }

    /// Whether `bytes` are what was written.
    public func verify(_ bytes: UnsafeRawBufferPointer) throws(ColumnError) {
        guard bytes.count == length else { throw ColumnError("\(bytes.count) bytes of a section of \(length)") }
        let found = CRC32C.of(bytes)
        guard found == checksum else {
            throw ColumnError("checksum \(found) of a section at \(offset), expected \(checksum)")
        }
    }
}

/// The sections of an object in the order of their offsets.
/// ```
/// ┌──────────────┬───────────────────────────────────────────────────────────────┐
/// │ count varint │ per section: kind u8, gap varint, length varint, CRC-32C u32  │
/// └──────────────┴───────────────────────────────────────────────────────────────┘
/// ```
public struct SectionDirectory: Sendable, Equatable {
    public private(set) var sections: [Section] = []

    public init() {}

    /// Notes a section that starts at `offset`, behind those before it. Returns its index.
    @discardableResult
    public mutating func add(kind: UInt8, offset: Int, bytes: UnsafeRawBufferPointer) -> Int {
        precondition(offset >= end, "section at \(offset), the last one ends at \(end)")
        sections.append(Section(kind: kind, offset: offset, length: bytes.count, checksum: CRC32C.of(bytes)))
        return sections.count - 1
    }

    /// Behind the last section.
    public var end: Int { sections.last.map { $0.offset + $0.length } ?? 0 }

    public func encode(into target: inout ByteBuffer) {
        target.append(varint: sections.count)
        var position = 0
        for section in sections {
            target.append(section.kind)
            target.append(varint: section.offset - position)
            target.append(varint: section.length)
            target.append(littleEndian: section.checksum)
            position = section.offset + section.length
        }
    }

    /// Reads a directory; all sections must lie before `limit`.
    public init(_ reader: inout ByteReader, limit: Int) throws(DecodeError) {
        let count = try reader.length(limit: reader.remaining / 7)
        var position = 0
        sections.reserveCapacity(count)
        for _ in 0..<count {
            let kind = try reader.u8()
            let offset = position + (try reader.length(limit: limit - position))
            let length = try reader.length(limit: limit - offset)
            sections.append(
                Section(kind: kind, offset: offset, length: length, checksum: try reader.littleEndian(UInt32.self)))
            position = offset + length
        }
    }
}
