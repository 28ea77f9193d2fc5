/// Constants of the trace segment format, version 1. The README of this room draws it.
enum TraceLayout {
    static let version = 1
    /// At the front and at the very end of an object.
    static let magic: [UInt8] = Array("OBSTRCE1".utf8)
    /// Footer offset u64, length u32, CRC-32C u32; version u32; CRC-32C of these 20 bytes u32; magic. Stands twice.
    static let tailBytes = 32

    /// Sections, by the number in the directory; a copy of one has `copyBit` set.
    enum Section: UInt8, CaseIterable {
        /// Names of spans.
        case names = 1
        case resources = 2
        case scopes = 3
        /// Columns: role, type, key, and the texts that the segment lists of it.
        case columns = 4
        /// Keys of attributes without a column of their own.
        case keys = 5
        /// Where blocks and their chunks are.
        case blocks = 6
        /// Where the pages of the id index are.
        case idPages = 7

        var name: String {
            switch self {
            case .names: "names"
            case .resources: "resources"
            case .scopes: "scopes"
            case .columns: "column list"
            case .keys: "key list"
            case .blocks: "block directory"
            case .idPages: "id page directory"
            }
        }
    }

    static let copyBit: UInt8 = 0x80
    static func compressionLevel(tier: Int) -> Int32 { tier == 0 ? 3 : 9 }
}
