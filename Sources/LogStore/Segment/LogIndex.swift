import Bedrock
import LSM
import Model

/// The index of a segment, decoded: label sets of its streams, its blocks, names of its metadata fields. Immutable and thread-safe.
///
/// Sections that are damaged are left out: their streams are unknown, their blocks not there.
final class LogIndex: @unchecked Sendable {
    /// Canonical labels of stream `i`; nil when they are damaged.
    let labels: [UnsafeRawBufferPointer?]
    let blocks: [BlockEntry]
    /// For each of `blocks` its number in the segment.
    let blockNumbers: [Int]
    let fields: [[UInt8]]
    let damages: [SegmentDamage]
    let byteCount: Int
    /// Whether every stream and block is there.
    let isComplete: Bool
    private let arena: BlockBytes

    init(
        labels: [Range<Int>?], arena: borrowing ByteBuffer, blocks: [(number: Int, entry: BlockEntry)],
        fields: [[UInt8]], damages: [SegmentDamage], blockCount: Int
    ) {
        isComplete = blocks.count == blockCount && labels.allSatisfy { $0 != nil }
        let arena = BlockBytes(arena)
        self.arena = arena
        self.labels = labels.map { range in range.map { UnsafeRawBufferPointer(rebasing: arena.bytes[$0]) } }
        self.blocks = blocks.map(\.entry)
        blockNumbers = blocks.map(\.number)
        self.fields = fields
        self.damages = damages
        byteCount =
            arena.bytes.count + labels.count * 24
            + blocks.reduce(0) {
                $0 + 128 + $1.entry.runs.count * MemoryLayout<BlockEntry.Run>.stride + $1.entry.chunks.count * 32
            }
    }
}

extension LogSegment {
    /// Reads and decodes all index sections.
    func readIndex() throws -> LogIndex {
        var damages: [SegmentDamage] = []
        var arena = ByteBuffer(capacity: 4096)
        var labels = [Range<Int>?](repeating: nil, count: footer.streamCount)
        var blocks: [(number: Int, entry: BlockEntry)] = []
        var fields: [[UInt8]] = []
        // Field names first: block entries are checked against their number.
        for section in footer.sections.sorted(by: { $0.kind == .fields && $1.kind != .fields }) {
            do {
                switch section.kind {
                case .fields:
                    let raw = try bytes(of: section) { damages.append($0) }
                    fields = try withExtendedLifetime(raw) { try Self.fields(raw.bytes, count: section.itemCount) }
                case .streams: try readLabels(section, &labels, &arena) { damages.append($0) }
                case .blocks:
                    let end = section.offset
                    let raw = try bytes(of: section) { damages.append($0) }
                    defer { withExtendedLifetime(raw) {} }
                    var reader = ByteReader(raw.bytes)
                    for number in section.firstItem..<section.firstItem + section.itemCount {
                        let entry = try BlockEntry(
                            &reader, streamCount: footer.streamCount, fieldCount: fieldCount, end: end)
                        blocks.append((number, entry))
                    }
                case .lines: break
                }
            } catch let error as SegmentDamage {
                damages.append(error)
            } catch {
                damages.append(damage(section, "\(error)"))
            }
        }
        return LogIndex(
            labels: labels, arena: arena, blocks: blocks, fields: fields, damages: damages,
            blockCount: footer.blockCount)
    }

    /// Also known when the names themselves are damaged.
    private var fieldCount: Int { footer.sections.filter { $0.kind == .fields }.reduce(0) { $0 + $1.itemCount } }

    private static func fields(_ bytes: UnsafeRawBufferPointer, count: Int) throws(DecodeError) -> [[UInt8]] {
        var reader = ByteReader(bytes)
        var fields: [[UInt8]] = []
        for _ in 0..<count { fields.append(Array(try reader.prefixed())) }
        return fields
    }

    private func readLabels(
        _ section: LogFooter.Section, _ labels: inout [Range<Int>?], _ arena: inout ByteBuffer,
        damage: (SegmentDamage) -> Void
    ) throws {
        let raw = try bytes(of: section, damage: damage)
        defer { withExtendedLifetime(raw) {} }
        var reader = ByteReader(raw.bytes)
        for stream in section.firstItem..<section.firstItem + section.itemCount {
            let set = try reader.prefixed()
            guard isCanonical(set) else { throw DecodeError("labels are not canonical", at: reader.offset) }
            labels[stream] = arena.count..<arena.count + set.count
            arena.append(set)
        }
    }
}
