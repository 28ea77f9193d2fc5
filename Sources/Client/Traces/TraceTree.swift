import Bedrock
import Model

/// A trace as a tree: who called whom, put together from the spans of a batch. Immutable once made; linear in the spans, however deep they nest.
///
/// Spans whose parent is not there are roots of their own, marked so; a cycle is cut at the span that starts first. Spans that occur twice
/// stay the first time.
public struct TraceTree: Sendable {
    /// One span.
    public struct Node: Sendable {
        /// In the batch.
        public var row: Int
        /// Into `nodes`; nil for a root.
        public var parent: Int?
        /// Into `nodes`, by start.
        public var children: [Int] = []
        /// Roots have 0.
        public var depth = 0
        /// Its parent is named but not there.
        public var isOrphan = false
        /// Spans below, itself included.
        public var size = 1
        /// Spans below, itself included, whose status is error.
        public var errors = 0
        /// Nanoseconds since the Unix epoch.
        public var start: Int64
        /// Not before `start`.
        public var end: Int64
        public var duration: Int64 { end - start }
    }

    public let batch: SpanBatch
    public private(set) var nodes: [Node] = []
    /// By start, those that have no parent first.
    public private(set) var roots: [Int] = []
    /// Names of the spans' services, by resource of the batch.
    public let services: [String]
    /// First start and last end, nanoseconds.
    public let start: Int64
    public let end: Int64

    public init(_ batch: SpanBatch) {
        self.batch = batch
        services = batch.resources.map { resource in
            batch.withArena { arena in
                var cursor = AttributeCursor(arena[resource.attributes])
                while cursor.next() {
                    if cursor.value.type == .string, cursor.key.elementsEqual("service.name".utf8) {
                        return String(decoding: cursor.value.payload, as: UTF8.self)
                    }
                }
                return "unknown_service"
            }
        }
        start = batch.rows.lazy.map(\.start).min() ?? 0
        end = max(start, batch.rows.lazy.map(\.end).max() ?? 0)
        var numbers: [SpanID: Int] = [:]
        nodes.reserveCapacity(batch.rowCount)
        let order = batch.rows.indices.sorted {
            (batch.rows[$0].start, batch.rows[$0].spanID) < (batch.rows[$1].start, batch.rows[$1].spanID)
        }
        for row in order {
            let span = batch.rows[row]
            guard numbers[span.spanID] == nil else { continue }
            numbers[span.spanID] = nodes.count
            nodes.append(Node(row: row, start: span.start, end: span.start + span.duration))
        }
        link(numbers)
        measure()
    }

    /// Nodes are sorted by start, so a node's children come in that order, and a parent may still come behind its child.
    private mutating func link(_ numbers: [SpanID: Int]) {
        var parents = [Int?](repeating: nil, count: nodes.count)
        for index in nodes.indices {
            let parentID = batch.rows[nodes[index].row].parentID
            guard !parentID.isZero else { continue }
            if let parent = numbers[parentID], parent != index {
                parents[index] = parent
            } else {
                nodes[index].isOrphan = true
            }
        }
        cutCycles(&parents)
        var orphans: [Int] = []
        for index in nodes.indices {
            nodes[index].parent = parents[index]
            if let parent = parents[index] {
                nodes[parent].children.append(index)
            } else if nodes[index].isOrphan {
                orphans.append(index)
            } else {
                roots.append(index)
            }
        }
        roots += orphans
    }

    private mutating func cutCycles(_ parents: inout [Int?]) {
        // 0 not seen, otherwise the walk that saw it first.
        var seen = [Int](repeating: 0, count: nodes.count)
        for index in nodes.indices where seen[index] == 0 {
            var at = index
            while seen[at] == 0 {
                seen[at] = index + 1
                guard let parent = parents[at] else { break }
                at = parent
            }
            // Met again in the same walk: a ring. Nodes stand by start.
            guard seen[at] == index + 1, parents[at] != nil else { continue }
            var first = at
            var next = parents[at] ?? at
            while next != at {
                first = min(first, next)
                next = parents[next] ?? at
            }
            parents[first] = nil
            nodes[first].isOrphan = true
        }
    }

    private mutating func measure() {
        let order = preorder()
        for index in order {
            if let parent = nodes[index].parent { nodes[index].depth = nodes[parent].depth + 1 }
            if batch.rows[nodes[index].row].status == .error { nodes[index].errors = 1 }
        }
        for index in order.reversed() {
            guard let parent = nodes[index].parent else { continue }
            nodes[parent].size += nodes[index].size
            nodes[parent].errors += nodes[index].errors
        }
    }

    /// All nodes, each before its children, siblings by start.
    public func preorder() -> [Int] {
        var order: [Int] = []
        order.reserveCapacity(nodes.count)
        var stack = Array(roots.reversed())
        while let next = stack.popLast() {
            order.append(next)
            stack.append(contentsOf: nodes[next].children.reversed())
        }
        return order
    }

    // MARK: Facts

    public var depth: Int { (nodes.lazy.map(\.depth).max() ?? -1) + 1 }
    public var errorCount: Int { roots.reduce(0) { $0 + nodes[$1].errors } }
    /// Nanoseconds from the first start to the last end.
    public var duration: Int64 { end - start }

    public func span(_ node: Int) -> SpanBatch.Row { batch.rows[nodes[node].row] }
    public func name(_ node: Int) -> String { batch.text(span(node).name) }
    public func service(_ node: Int) -> String { services[Int(span(node).resource)] }

    /// Spans and errors by service, most spans first.
    public var serviceCounts: [(service: String, spans: Int, errors: Int)] {
        var counts: [String: (spans: Int, errors: Int)] = [:]
        for index in nodes.indices {
            let span = span(index)
            counts[services[Int(span.resource)], default: (0, 0)].spans += 1
            if span.status == .error { counts[services[Int(span.resource)], default: (0, 0)].errors += 1 }
        }
        return counts.map { ($0.key, $0.value.spans, $0.value.errors) }
            .sorted { ($1.spans, $0.service) < ($0.spans, $1.service) }
    }
}
