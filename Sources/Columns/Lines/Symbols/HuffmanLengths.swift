/// Code lengths of a Huffman code with a bound on its longest word.
enum HuffmanLengths {
    /// One length for each of at least two symbols that occur.
    static func make(_ counts: UnsafeBufferPointer<Int32>, lengthMax: Int) -> [UInt8] {
        let n = counts.count
        precondition(n >= 2 && n <= 1 << lengthMax, "\(n) symbols in \(lengthMax) bits")
        let order = (0..<n).sorted { counts[$0] != counts[$1] ? counts[$0] < counts[$1] : $0 < $1 }
        // Two queues: leaves by weight, and the nodes made from them, whose weights only grow.
        var weights = order.map { Int(counts[$0]) }
        var parents = [Int](repeating: 0, count: 2 * n - 1)
        weights.reserveCapacity(2 * n - 1)
        var leaf = 0
        var node = n
        for made in n..<2 * n - 1 {
            var sum = 0
            for _ in 0..<2 {
                let isLeaf = leaf < n && (node >= made || weights[leaf] <= weights[node])
                let least = isLeaf ? leaf : node
                if isLeaf { leaf += 1 } else { node += 1 }
                parents[least] = made
                sum += weights[least]
            }
            weights.append(sum)
        }
        var depths = [Int](repeating: 0, count: 2 * n - 1)
        var numbers = [Int](repeating: 0, count: lengthMax + 1)
        for i in stride(from: 2 * n - 3, through: 0, by: -1) {
            depths[i] = depths[parents[i]] + 1
            if i < n { numbers[min(depths[i], lengthMax)] += 1 }
        }
        bound(&numbers, lengthMax: lengthMax)
        // The rarest get the longest.
        var lengths = [UInt8](repeating: 0, count: n)
        var length = lengthMax
        for symbol in order {
            while numbers[length] == 0 { length -= 1 }
            numbers[length] -= 1
            lengths[symbol] = UInt8(length)
        }
        return lengths
    }

    /// Makes the numbers of words of each length a whole code again after longer ones were cut.
    private static func bound(_ numbers: inout [Int], lengthMax: Int) {
        var used = 0
        for length in 1...lengthMax { used += numbers[length] << (lengthMax - length) }
        let whole = 1 << lengthMax
        while used > whole {
            // One word less of the longest but one length that has any, two one longer instead of it and one of the longest.
            var length = lengthMax - 1
            while numbers[length] == 0 { length -= 1 }
            numbers[length] -= 1
            numbers[length + 1] += 2
            numbers[lengthMax] -= 1
            used -= 1
        }
    }
}
