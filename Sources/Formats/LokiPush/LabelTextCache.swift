import Bedrock

/// Canonical labels of the label texts seen lately: senders repeat theirs in every request. Bounded. Not thread-safe.
struct LabelTextCache: ~Copyable {
    private struct Entry {
        var text: Range<Int>
        var labels: Range<Int>
    }

    /// Beyond either, it starts anew.
    private static let entriesMax = 4096
    private static let bytesMax = 2 << 20

    private var entries: [Hash128: Entry] = [:]
    private var bytes = ByteBuffer(capacity: 16 << 10)

    /// The canonical labels of `text`, valid until the next `add`; nil when it isn't known.
    func find(_ text: UnsafeRawBufferPointer, _ hash: Hash128) -> UnsafeRawBufferPointer? {
        guard let entry = entries[hash] else { return nil }
        let all = bytes.bytes
        let known = UnsafeRawBufferPointer(rebasing: all[entry.text])
        guard known.count == text.count, known.elementsEqual(text) else { return nil }
        return UnsafeRawBufferPointer(rebasing: all[entry.labels])
    }

    mutating func add(_ text: UnsafeRawBufferPointer, _ hash: Hash128, labels: UnsafeRawBufferPointer) {
        if entries.count >= Self.entriesMax || bytes.count + text.count + labels.count > Self.bytesMax {
            entries.removeAll(keepingCapacity: true)
            bytes.clear()
        }
        let start = bytes.count
        bytes.append(text)
        bytes.append(labels)
        entries[hash] = Entry(text: start..<start + text.count, labels: start + text.count..<bytes.count)
    }
}
