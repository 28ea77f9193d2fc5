import Model

/// The critical path of a trace: at every moment of a root's duration the one span that all waits for.
///
/// Found backwards from a span's end: the child that ends last before the time that is reached takes over, up to its start, and so on;
/// what no child takes is the span's own. Children that outlive their parent count up to its end. Work and memory are linear in the spans
/// but for sorting siblings by their end.
public struct CriticalPath: Sendable {
    /// A stretch of time that a span itself is waited for.
    public struct Segment: Sendable, Equatable {
        /// Into the tree's nodes.
        public var node: Int
        /// Nanoseconds since the Unix epoch.
        public var start: Int64
        public var end: Int64

        public init(node: Int, start: Int64, end: Int64) {
            self.node = node
            self.start = start
            self.end = end
        }
    }

    /// By time.
    public private(set) var segments: [Segment] = []
    /// Nanoseconds that each node is waited for; by node.
    public private(set) var selfTimes: [Int64]

    /// Of the first root of `tree`, or of `root`.
    public init(_ tree: TraceTree, root: Int? = nil) {
        selfTimes = [Int64](repeating: 0, count: tree.nodes.count)
        guard let root = root ?? tree.roots.first else { return }
        walk(tree, root)
        segments.reverse()
        for segment in segments { selfTimes[segment.node] += segment.end - segment.start }
    }

    /// A span being walked through, from its end towards its start.
    private struct Frame {
        var node: Int
        /// How far back it is explained.
        var time: Int64
        /// The part of its duration that counts begins here.
        var from: Int64
        /// By end, ascending; those at the back are yet to be looked at.
        var children: [Int]
    }

    private static func children(_ tree: TraceTree, _ node: Int) -> [Int] {
        tree.nodes[node].children.sorted {
            (tree.nodes[$0].end, tree.nodes[$0].start) < (tree.nodes[$1].end, tree.nodes[$1].start)
        }
    }

    private mutating func walk(_ tree: TraceTree, _ root: Int) {
        let whole = tree.nodes[root]
        var stack = [Frame(node: root, time: whole.end, from: whole.start, children: Self.children(tree, root))]
        while var frame = stack.popLast() {
            guard let child = frame.children.popLast() else {
                add(frame.node, frame.from, frame.time)
                continue
            }
            let node = tree.nodes[child]
            // One that starts after what is explained already, or lies before all that counts, is waited for by nobody.
            let end = min(node.end, frame.time)
            let start = max(node.start, frame.from)
            guard start < frame.time, end > frame.from, start < end else {
                stack.append(frame)
                continue
            }
            add(frame.node, end, frame.time)
            frame.time = start
            stack.append(frame)
            stack.append(Frame(node: child, time: end, from: start, children: Self.children(tree, child)))
        }
    }

    private mutating func add(_ node: Int, _ start: Int64, _ end: Int64) {
        guard end > start else { return }
        segments.append(Segment(node: node, start: start, end: end))
    }

    /// Whether a node is waited for at any time.
    public func contains(_ node: Int) -> Bool { selfTimes[node] > 0 }
}
