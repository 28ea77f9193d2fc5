import Bedrock

/// A corpus file of replayable request bodies: records of <u32 lane> <u32 items> <u32 length> <body>, little endian.
final class Corpus {
    struct Record {
        let lane: Int
        /// Samples in the body.
        let items: Int
        let body: UnsafeRawBufferPointer
    }

    private let file: MappedFile

    init(_ path: String) throws {
        file = try PosixFileSystem().open(path, .read).map()
    }

    /// Calls `body` for each record in file order; the bytes are valid for as long as the corpus is.
    func forEach(limit: Int, _ body: (Record) throws -> Void) throws {
        var reader = ByteReader(file.bytes)
        var n = 0
        while !reader.isAtEnd && n < limit {
            let lane = Int(try reader.littleEndian(UInt32.self))
            let items = Int(try reader.littleEndian(UInt32.self))
            let length = Int(try reader.littleEndian(UInt32.self))
            try body(Record(lane: lane, items: items, body: try reader.take(length)))
            n += 1
        }
    }
}
