import CJournal
import Glibc

/// A journal being read: a place in it, and what stands there. Not thread-safe.
protocol JournalSource: AnyObject {
    /// Goes to just behind the entry with this cursor; 0 or -errno.
    func seek(after cursor: [UInt8]) -> Int32
    /// Goes to the first entry at or behind a time, microseconds since the epoch; 0 or -errno.
    func seek(microseconds: UInt64) -> Int32
    /// The next entry: 1, 0 at the end, or -errno.
    func next() -> Int32
    /// What names the entry for good; nil on failure.
    func cursor() -> [UInt8]?
    /// Microseconds since the epoch; nil on failure.
    func time() -> UInt64?
    func fields() -> [(name: String, value: [UInt8])]
}

/// systemd's, through libsystemd.
final class SystemJournal: JournalSource {
    private let journal: OpaquePointer

    private init(_ journal: OpaquePointer) { self.journal = journal }

    deinit { cjournal_close(journal) }

    /// The machine's journal, or that in a directory; or the -errno of what went wrong, -ENOSYS without libsystemd.
    static func open(_ directory: String?) -> (journal: (any JournalSource)?, status: Int32) {
        var status: Int32 = 0
        let found = directory.map { cjournal_open($0, &status) } ?? cjournal_open(nil, &status)
        return (found.map { SystemJournal($0) }, status)
    }

    func seek(after cursor: [UInt8]) -> Int32 {
        String(decoding: cursor, as: UTF8.self).withCString { cjournal_seek_after(journal, $0) }
    }

    func seek(microseconds: UInt64) -> Int32 { cjournal_seek_time(journal, microseconds) }

    func next() -> Int32 {
        let status = cjournal_next(journal)
        if status != 0 { return status }
        _ = cjournal_process(journal)
        return cjournal_next(journal)
    }

    func cursor() -> [UInt8]? {
        guard let text = cjournal_cursor(journal) else { return nil }
        defer { free(text) }
        return Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }

    func time() -> UInt64? {
        var microseconds: UInt64 = 0
        return cjournal_time(journal, &microseconds) >= 0 ? microseconds : nil
    }

    func fields() -> [(name: String, value: [UInt8])] {
        var fields: [(name: String, value: [UInt8])] = []
        var data: UnsafeRawPointer?
        var length = 0
        while cjournal_field(journal, &data, &length) > 0 {
            let bytes = UnsafeRawBufferPointer(start: data, count: length)
            guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")) else { continue }
            fields.append((String(decoding: bytes[..<equals], as: UTF8.self), Array(bytes[(equals + 1)...])))
        }
        return fields
    }
}
