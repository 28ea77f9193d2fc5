import Bedrock
import Model

/// Cursors over label bytes don't check anything, so nothing unchecked may reach them.
enum CanonicalLabels {
    /// - Throws: when `labels` aren't canonical bytes, which would be read wrongly.
    static func check(_ labels: UnsafeRawBufferPointer, at offset: Int) throws(DecodeError) {
        var reader = ByteReader(labels)
        var previous = UnsafeRawBufferPointer(start: nil, count: 0)
        while !reader.isAtEnd {
            let name = try reader.prefixed()
            let value = try reader.prefixed()
            guard !name.isEmpty, !value.isEmpty, compareBytes(previous, name) < 0 else {
                throw DecodeError("labels are not canonical", at: offset)
            }
            previous = name
        }
    }
}
