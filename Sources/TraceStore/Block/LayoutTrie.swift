import Bedrock
import LSM
import Model

/// The columns of a segment being written, and the sequences of them that spans have: a tree, so that a row finds its layout by walking along
/// its attributes, mostly with one comparison for each. Not thread-safe.
final class LayoutTrie {
    private struct Node {
        var column: Int32
        var parent: Int32
        /// The child taken last; 0: none.
        var guess: Int32 = 0
        /// Number of the layout that ends here, in block `block`.
        var layout: Int32 = -1
        var block: Int32 = -1
    }

    private(set) var columns: ContiguousArray<ColumnWriter> = []
    private let keys = TextTable()
    private var keyBytes = ByteBuffer(capacity: 64)
    private var nodes: ContiguousArray<Node> = [Node(column: -1, parent: -1)]
    private var edges: [UInt64: Int32] = [:]
    private var block: Int32 = 0
    /// Counts the blocks ended.
    var blockNumber: Int { Int(block) }
    private var blockColumns = 0
    /// Of the current block, as the nodes where they end.
    private var layouts: ContiguousArray<Int32> = []
    /// Changes whenever nodes are given up.
    private(set) var generation = 0

    var memoryBytes: Int {
        nodes.capacity * 20 + edges.capacity * 16 + keys.memoryBytes + columns.reduce(0) { $0 + $1.memoryBytes }
    }

    /// The node behind `node` for a column with this key; nil where the block or segment can't take a further column.
    @inline(__always) func child(
        of node: Int32, role: ColumnRole, type: AttributeType, key: UnsafeRawBufferPointer
    ) -> Int32? {
        let guess = nodes[Int(node)].guess
        if guess > 0 {
            let column = columns[Int(nodes[Int(guess)].column)]
            if column.type == type, column.role == role, column.block == block,
                column.key.withUnsafeBytes({ compareMemory($0, key) == 0 })
            {
                return guess
            }
        }
        return number(role: role, type: type, key: key).flatMap { child(of: node, column: $0) }
    }

    /// The number of a column in the segment, given when it is new; nil where there are too many.
    func number(role: ColumnRole, type: AttributeType, key: UnsafeRawBufferPointer) -> Int32? {
        keyBytes.clear()
        keyBytes.append(role.rawValue)
        keyBytes.append(type.rawValue)
        keyBytes.append(key)
        if let known = keys.find(keyBytes.bytes) { return known }
        if role == .attribute, columns.count >= TraceStoreLimits.segmentColumnsMax { return nil }
        columns.append(ColumnWriter(role: role, type: type, key: Array(key)))
        return keys.findOrAdd(keyBytes.bytes)
    }

    /// The node behind `node` for column `column`; nil where the block can't take a further column.
    func child(of node: Int32, column number: Int32) -> Int32? {
        let column = columns[Int(number)]
        if column.block != Int(block) {
            if column.role == .attribute, blockColumns >= TraceStoreLimits.blockColumnsMax { return nil }
            column.block = Int(block)
            blockColumns += 1
        }
        let edge = UInt64(UInt32(bitPattern: node)) << 32 | UInt64(UInt32(bitPattern: number))
        if let known = edges[edge] {
            nodes[Int(node)].guess = known
            return known
        }
        let new = Int32(truncatingIfNeeded: nodes.count)
        nodes.append(Node(column: number, parent: node))
        edges[edge] = new
        nodes[Int(node)].guess = new
        return new
    }

    @inline(__always) func column(of node: Int32) -> ColumnWriter { columns[Int(nodes[Int(node)].column)] }

    /// The layout that ends at `node`, given when it is new in the block.
    @inline(__always) func layout(_ node: Int32) -> Int32 {
        if nodes[Int(node)].block == block { return nodes[Int(node)].layout }
        let number = Int32(truncatingIfNeeded: layouts.count)
        nodes[Int(node)].block = block
        nodes[Int(node)].layout = number
        layouts.append(node)
        return number
    }

    /// Appends the block's layouts: count, and for each the number of columns and their numbers.
    func encodeLayouts(into target: inout ByteBuffer) {
        target.append(varint: layouts.count)
        var path: [Int32] = []
        for end in layouts {
            path.removeAll(keepingCapacity: true)
            var node = end
            while node > 0 {
                path.append(nodes[Int(node)].column)
                node = nodes[Int(node)].parent
            }
            target.append(varint: path.count)
            for column in path.reversed() { target.append(varint: Int(column)) }
        }
    }

    /// Numbers of the columns that the block has values in, ascending.
    var columnsOfBlock: [Int] { columns.indices.filter { columns[$0].block == Int(block) } }

    func endBlock() {
        block += 1
        blockColumns = 0
        layouts.removeAll(keepingCapacity: true)
        // Spans whose attributes are never alike must not make it grow without end.
        guard nodes.count > 1 << 16 else { return }
        nodes = [Node(column: -1, parent: -1)]
        edges.removeAll(keepingCapacity: true)
        generation += 1
    }
}
