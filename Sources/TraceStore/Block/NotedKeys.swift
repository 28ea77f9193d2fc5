import Bedrock
import Model

/// Keys of attributes that have no column: of events, links, scopes, and rare ones of spans. For listing and pruning. Not thread-safe.
final class NotedKeys {
    private let keys = TextTable()
    private var buffer = ByteBuffer(capacity: 64)
    /// Whether there were more than are noted.
    private(set) var isCut = false

    /// Each the scope's number, then the key.
    var texts: TextTable { keys }

    func note(_ scope: AttributeScope, _ key: UnsafeRawBufferPointer) {
        buffer.clear()
        buffer.append(scope.rawValue)
        buffer.append(key)
        note(buffer.bytes)
    }

    /// What another segment noted.
    func note(_ bytes: UnsafeRawBufferPointer) {
        if keys.count >= TraceStoreLimits.notedKeysMax {
            if keys.find(bytes) == nil { isCut = true }
            return
        }
        _ = keys.findOrAdd(bytes)
    }

    func note(_ scope: AttributeScope, attributes: UnsafeRawBufferPointer) {
        var cursor = AttributeCursor(attributes)
        while cursor.next() { note(scope, cursor.key) }
    }

    func note(events: UnsafeRawBufferPointer) {
        var cursor = SpanEventCursor(events)
        while cursor.next() { note(.event, attributes: cursor.attributes) }
    }

    func note(links: UnsafeRawBufferPointer) {
        var cursor = SpanLinkCursor(links)
        while cursor.next() { note(.link, attributes: cursor.attributes) }
    }

    func cut() { isCut = true }
}
