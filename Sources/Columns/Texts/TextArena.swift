import Bedrock
import Model

/// Texts as their lengths and one zstd frame: what suits texts that nothing else fits.
/// ```
/// ┌──────────────┬───────────────┬──────────────────────┬──────────────────────┐
/// │ count varint │ IntegerColumn │ bytes, stored varint │ zstd frame, or plain │
/// │              │ of lengths    │ (twice)              │ where not smaller    │
/// └──────────────┴───────────────┴──────────────────────┴──────────────────────┘
/// ```
enum TextArena {
    /// What a reader unpacks at most.
    static let bytesMax = 256 << 20

    static func encode(_ texts: LineArena, level: Int32, scratch: ColumnScratch, into target: inout ByteBuffer) {
        target.append(varint: texts.count)
        guard texts.count > 0 else { return }
        scratch.reserve(texts.count)
        for i in 0..<texts.count { scratch.integers[i] = Int64(texts.starts[i + 1] - texts.starts[i]) }
        IntegerColumn.encode(scratch.integers, count: texts.count, scratch: scratch, into: &target)
        encodeBytes(texts.bytes.bytes, level: level, into: &target)
    }

    /// Appends at most `countMax` texts to `texts`.
    static func decode(_ reader: inout ByteReader, countMax: Int, into texts: LineArena) throws(ColumnError) {
        do throws(DecodeError) {
            let count = try reader.length(limit: countMax)
            guard count > 0 else { return }
            let lengths = try IntegerColumn.decodeArray(&reader, count: count)
            var bytes = ByteBuffer()
            try decodeBytes(&reader, into: &bytes)
            var offset = 0
            for length in lengths {
                guard length >= 0, length <= bytes.count - offset else {
                    throw DecodeError("text of \(length) bytes, \(bytes.count - offset) left", at: reader.offset)
                }
                texts.append(UnsafeRawBufferPointer(rebasing: bytes.bytes[offset..<offset + Int(length)]))
                offset += Int(length)
            }
        } catch {
            throw ColumnError("text arena: \(error)")
        }
    }

    /// Both lengths and the bytes, as one zstd frame where that is smaller.
    static func encodeBytes(_ bytes: UnsafeRawBufferPointer, level: Int32, into target: inout ByteBuffer) {
        var packed = ByteBuffer(capacity: 64)
        if bytes.count > 16 { Zstd.compress(bytes, into: &packed, level: level) }
        let isPacked = bytes.count > 16 && packed.count < bytes.count
        target.append(varint: bytes.count)
        target.append(varint: isPacked ? packed.count : bytes.count)
        target.append(isPacked ? packed.bytes : bytes)
    }

    static func decodeBytes(_ reader: inout ByteReader, into target: inout ByteBuffer) throws(DecodeError) {
        let raw = try reader.length(limit: bytesMax)
        let stored = try reader.take(try reader.length(limit: reader.remaining))
        let start = target.count
        if stored.count == raw {
            target.append(stored)
        } else {
            do {
                try Zstd.decompress(stored, into: &target, limit: raw)
            } catch {
                throw DecodeError("\(error)", at: reader.offset)
            }
        }
        guard target.count - start == raw else {
            throw DecodeError("\(target.count - start) bytes instead of \(raw)", at: reader.offset)
        }
    }
}
