import Bedrock

/// A hash of some bytes of a file, to tell whether they are still the same.
struct ByteSample: Hashable {
    var length: UInt32 = 0
    var high: UInt64 = 0
    var low: UInt64 = 0

    /// Of nothing, which is in every file.
    static let none = ByteSample()
    /// Bytes of a file's beginning that tell it from others.
    static let headBytesMax = 1024
    /// Bytes before the place up to which a file was read.
    static let tailBytesMax = 64

    init() {}

    init(of bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        let hash = Hash128(of: bytes)
        length = UInt32(bytes.count)
        high = hash.high
        low = hash.low
    }

    /// Whether `file` has these bytes at `offset`.
    func stands(in file: any File, at offset: UInt64) throws(FileError) -> Bool {
        guard length > 0 else { return true }
        return try ByteSample.read(file, at: offset, count: Int(length)) == self
    }

    /// Of as many of `count` bytes at `offset` as there are.
    static func read(_ file: any File, at offset: UInt64, count: Int) throws(FileError) -> ByteSample {
        var failure: FileError?
        let sample = withUnsafeTemporaryAllocation(byteCount: max(1, count), alignment: 8) { room -> ByteSample in
            do throws(FileError) {
                let got = try file.read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
                return ByteSample(of: UnsafeRawBufferPointer(rebasing: room[..<got]))
            } catch {
                failure = error
                return .none
            }
        }
        if let failure { throw failure }
        return sample
    }

    func append(to buffer: inout ByteBuffer) {
        buffer.append(varint: UInt64(length))
        buffer.append(littleEndian: high)
        buffer.append(littleEndian: low)
    }

    init(_ reader: inout ByteReader) throws(DecodeError) {
        length = UInt32(try reader.length(limit: Self.headBytesMax))
        high = try reader.littleEndian()
        low = try reader.littleEndian()
    }
}
