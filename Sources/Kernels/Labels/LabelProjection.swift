import Bedrock
import Model

/// Keeps some labels of a set, by name: what grouping, matching and dropping a name come down to. Works on canonical bytes.
public struct LabelProjection: ~Copyable {
    public enum Mode: Sendable {
        /// Only the named labels stay.
        case keeping
        /// The named labels go.
        case removing
    }

    private let mode: Mode
    /// Sorted bytewise, distinct.
    private let names: [[UInt8]]
    private var buffer = ByteBuffer(capacity: 512)

    public init(_ mode: Mode, _ names: [String]) {
        self.init(mode, utf8: names.map { Array($0.utf8) })
    }

    private init(_ mode: Mode, utf8 names: [[UInt8]]) {
        self.mode = mode
        var sorted: [[UInt8]] = []
        for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) where name != sorted.last {
            sorted.append(name)
        }
        self.names = sorted
    }

    /// The labels of `labels` that stay.
    public mutating func project(_ labels: Labels) -> Labels {
        withProjection(labels) { Labels(canonical: $0) }
    }

    /// Calls `body` with the canonical bytes of what stays, valid only within the call.
    public mutating func withProjection<R>(_ labels: Labels, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        labels.storage.withUnsafeBytes { withProjection(canonical: $0, body) }
    }

    /// As above, for canonical bytes; values may be empty.
    public mutating func withProjection<R>(
        canonical labels: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> R
    ) -> R {
        buffer.clear()
        var cursor = LabelCursor(labels)
        var at = 0
        while cursor.next() {
            // Both run in byte order, so one pass over each is enough.
            var comparison = 1
            while at < names.count {
                comparison = names[at].withUnsafeBytes { compareBytes($0, cursor.name) }
                if comparison >= 0 { break }
                at += 1
            }
            let isNamed = at < names.count && comparison == 0
            if isNamed == (mode == .keeping) {
                buffer.append(prefixed: cursor.name)
                buffer.append(prefixed: cursor.value)
            }
        }
        return body(buffer.bytes)
    }
}

extension Labels {
    /// Without the label `name`; the same set if it hasn't one.
    public func removing(_ name: String) -> Labels {
        var projection = LabelProjection(.removing, [name])
        return projection.project(self)
    }
}
