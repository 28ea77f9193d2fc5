import Client
import Model

/// Which spans of a trace are shown, so that one of a hundred thousand stays readable: from the roots down, those first that all waits for, that
/// fail, that take long. What is left out is counted where it would stand.
struct TraceView {
    enum Line: Equatable {
        /// A node of the tree; `isLast` of its shown siblings and what stands for the rest.
        case span(Int, guides: [Bool], isLast: Bool)
        /// Spans below `parent` that are not shown, and how many of them failed.
        case more(parent: Int?, spans: Int, errors: Int, guides: [Bool])
    }

    private(set) var lines: [Line] = []
    let tree: TraceTree
    let path: CriticalPath

    /// - Parameters:
    ///   - spansMax: 0: all of them.
    ///   - depthMax: levels shown; 0: all of them.
    init(_ tree: TraceTree, spansMax: Int, depthMax: Int = 0) {
        self.tree = tree
        path = CriticalPath(tree)
        let shown = choose(spansMax, depthMax)
        lay(shown)
    }

    /// What makes a span worth a line.
    private struct Rank: Comparable {
        let isCritical: Bool
        let hasErrors: Bool
        let duration: Int64
        let node: Int

        static func < (a: Rank, b: Rank) -> Bool {
            if a.isCritical != b.isCritical { return b.isCritical }
            if a.hasErrors != b.hasErrors { return b.hasErrors }
            return (a.duration, b.node) < (b.duration, a.node)
        }
    }

    private func rank(_ node: Int) -> Rank {
        Rank(
            isCritical: path.contains(node), hasErrors: tree.nodes[node].errors > 0,
            duration: tree.nodes[node].duration,
            node: node)
    }

    private func choose(_ spansMax: Int, _ depthMax: Int) -> [Bool] {
        var shown = [Bool](repeating: false, count: tree.nodes.count)
        var candidates = Heap<Rank>()
        for root in tree.roots { candidates.push(rank(root)) }
        var count = 0
        while count < (spansMax > 0 ? spansMax : .max), let next = candidates.pop() {
            shown[next.node] = true
            count += 1
            guard depthMax == 0 || tree.nodes[next.node].depth + 1 < depthMax else { continue }
            for child in tree.nodes[next.node].children { candidates.push(rank(child)) }
        }
        return shown
    }

    private mutating func lay(_ shown: [Bool]) {
        /// A node yet to be laid, or what stands for those left out below it.
        var stack: [Line] = []
        push(tree.roots, below: nil, guides: [], shown, &stack)
        while let line = stack.popLast() {
            lines.append(line)
            if case .span(let node, let guides, let isLast) = line {
                push(tree.nodes[node].children, below: node, guides: guides + [!isLast], shown, &stack)
            }
        }
    }

    private func push(_ nodes: [Int], below parent: Int?, guides: [Bool], _ shown: [Bool], _ stack: inout [Line]) {
        let here = nodes.filter { shown[$0] }
        let hidden = nodes.filter { !shown[$0] }
        if !hidden.isEmpty {
            let (spans, errors) = hidden.reduce((0, 0)) { ($0.0 + tree.nodes[$1].size, $0.1 + tree.nodes[$1].errors) }
            stack.append(.more(parent: parent, spans: spans, errors: errors, guides: guides))
        }
        for (index, node) in here.enumerated().reversed() {
            stack.append(.span(node, guides: guides, isLast: index == here.count - 1 && hidden.isEmpty))
        }
    }
}

/// A binary heap whose largest element comes first.
struct Heap<Element: Comparable> {
    private var elements: [Element] = []

    mutating func push(_ element: Element) {
        elements.append(element)
        var at = elements.count - 1
        while at > 0, elements[(at - 1) / 2] < elements[at] {
            elements.swapAt(at, (at - 1) / 2)
            at = (at - 1) / 2
        }
    }

    mutating func pop() -> Element? {
        guard let first = elements.first, let last = elements.popLast() else { return nil }
        guard !elements.isEmpty else { return first }
        elements[0] = last
        var at = 0
        while true {
            var largest = at
            for child in [2 * at + 1, 2 * at + 2] where child < elements.count && elements[largest] < elements[child] {
                largest = child
            }
            if largest == at { return first }
            elements.swapAt(at, largest)
            at = largest
        }
    }
}
