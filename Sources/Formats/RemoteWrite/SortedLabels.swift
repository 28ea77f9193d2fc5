import Bedrock

/// The quick way through a series' labels: as every known sender writes them (sorted, none empty, none very long), the wire bytes are the
/// canonical label bytes with two tag bytes a label in between. One walk checks that and copies.
///
/// Raw pointers, because this is the hottest loop of ingest: each label costs a few comparisons and two short copies.
struct SortedLabels {
    /// Longest name and value taken here.
    let nameBytesMax: Int
    let valueBytesMax: Int
    let labelsMax: Int

    /// Room behind the target, and distance from the input's end, that copies in whole steps need.
    static let slack = 32

    init(_ limits: RemoteWriteLimits) {
        nameBytesMax = limits.labelNameBytesMax
        valueBytesMax = limits.labelValueBytesMax
        labelsMax = limits.labelsPerSeriesMax
    }

    /// Copies the labels at the start of `message` into `target`, which has room for all of `message` and `slack` bytes more.
    ///
    /// - Returns: nil when they are not of the simple form; the general decoder then finds out what they are. Else the bytes written, and
    ///   `message` stands behind the labels.
    @inline(__always)
    func copy(_ message: inout ProtobufReader, inputEnd: UnsafePointer<UInt8>, into target: UnsafeMutableRawPointer)
        -> Int?
    {
        var p = message.cursor
        let end = message.end
        var out = target
        var lastName = p
        var lastNameCount = -1
        var hasMetricName = false
        var count = 0
        while p < end, p.pointee == 0x0A {
            guard p + 6 <= end, let (labelCount, labelHead) = Self.length(p + 1) else { return nil }
            let inside = p + 1 + labelHead
            let labelEnd = inside + labelCount
            guard labelEnd <= end, labelCount >= 6, inside.pointee == 0x0A,
                let (nameCount, nameHead) = Self.length(inside + 1)
            else { return nil }
            let name = inside + 1 + nameHead
            let valueTag = name + nameCount
            guard nameCount > 0, nameCount <= nameBytesMax, valueTag + 2 < labelEnd, valueTag.pointee == 0x12,
                let (valueCount, valueHead) = Self.length(valueTag + 1)
            else { return nil }
            let value = valueTag + 1 + valueHead
            guard valueCount > 0, valueCount <= valueBytesMax, value + valueCount == labelEnd else { return nil }
            let mayReadBeyond = labelEnd + Self.slack <= inputEnd
            if lastNameCount >= 0, !Self.precedes(lastName, lastNameCount, name, nameCount, mayReadBeyond) {
                return nil
            }
            if nameCount == 8, Self.isMetricName(name) { hasMetricName = true }
            out = Self.copy(inside + 1, nameHead + nameCount, to: out, mayReadBeyond)
            out = Self.copy(valueTag + 1, valueHead + valueCount, to: out, mayReadBeyond)
            lastName = name
            lastNameCount = nameCount
            count += 1
            p = labelEnd
        }
        guard hasMetricName, count <= labelsMax else { return nil }
        let labels = UnsafeRawBufferPointer(start: message.cursor, count: p - message.cursor)
        guard UTF8Text.isASCII(labels) else { return nil }
        message.cursor = p
        return out - target
    }

    /// A varint of one or two bytes in its shortest form, and its size.
    @inline(__always)
    private static func length(_ p: UnsafePointer<UInt8>) -> (value: Int, size: Int)? {
        let first = Int(p.pointee)
        if first < 0x80 { return (first, 1) }
        let second = Int((p + 1).pointee)
        guard second > 0, second < 0x80 else { return nil }
        return (first & 0x7F | second << 7, 2)
    }

    /// `__name__`
    @inline(__always)
    private static func isMetricName(_ name: UnsafePointer<UInt8>) -> Bool {
        UnsafeRawPointer(name).loadUnaligned(as: UInt64.self).littleEndian == 0x5F5F_656D_616E_5F5F
    }

    /// Byte order, strictly.
    @inline(__always)
    private static func precedes(
        _ a: UnsafePointer<UInt8>, _ aCount: Int, _ b: UnsafePointer<UInt8>, _ bCount: Int, _ mayReadBeyond: Bool
    ) -> Bool {
        let shared = min(aCount, bCount)
        var i = 0
        while i + 8 <= shared {
            let x = UnsafeRawPointer(a + i).loadUnaligned(as: UInt64.self)
            let y = UnsafeRawPointer(b + i).loadUnaligned(as: UInt64.self)
            if x != y { return x.bigEndian < y.bigEndian }
            i += 8
        }
        if mayReadBeyond, i < shared {
            // The bytes beyond the shorter name are shifted out.
            let spare = UInt64(8 - (shared - i)) * 8
            let x = UnsafeRawPointer(a + i).loadUnaligned(as: UInt64.self).bigEndian >> spare
            let y = UnsafeRawPointer(b + i).loadUnaligned(as: UInt64.self).bigEndian >> spare
            return x == y ? aCount < bCount : x < y
        }
        while i < shared {
            if a[i] != b[i] { return a[i] < b[i] }
            i += 1
        }
        return aCount < bCount
    }

    /// Copies in steps of 16 bytes where that may read beyond the end; writing beyond is always fine, for the room has slack.
    @inline(__always)
    private static func copy(
        _ source: UnsafePointer<UInt8>, _ count: Int, to target: UnsafeMutableRawPointer, _ mayReadBeyond: Bool
    ) -> UnsafeMutableRawPointer {
        guard mayReadBeyond, count <= 64 else {
            target.copyMemory(from: source, byteCount: count)
            return target + count
        }
        var i = 0
        repeat {
            target.storeBytes(
                of: UnsafeRawPointer(source + i).loadUnaligned(as: SIMD16<UInt8>.self), toByteOffset: i,
                as: SIMD16<UInt8>.self)
            i += 16
        } while i < count
        return target + count
    }
}
