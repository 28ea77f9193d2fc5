/// Parts lines of one shape into those that share a template, by the hashes of their words.
///
/// Lines are parted by a word where that makes other words fixed: those belong together, as the words of a message do. Where no word does,
/// the words that vary are values.
struct WordPartition {
    /// Different words of a place by which lines may be parted.
    private static let distinctMax = 32
    /// Lines a part has on average, at least.
    private static let rowsPerPart = 4
    /// Of so few words that each has many lines, lines are parted even if nothing else depends on it.
    private static let fewMax = 3
    private static let rowsPerFew = 16
    private static let depthMax = 8
    /// A template has a share (one over this) of fixed words, at least.
    private static let fixedShare = 4

    private let hashes: ContiguousArray<UInt64>
    private let count: Int

    /// - Parameter count: words of every line.
    init(_ hashes: ContiguousArray<UInt64>, count: Int) {
        self.hashes = hashes
        self.count = count
    }

    /// The templates of lines whose hashes begin at `starts`: the hash of each word, 0 where it varies.
    func templates(_ starts: ContiguousArray<Int32>, rowsMin: Int) -> [[UInt64]] {
        var result: [[UInt64]] = []
        part(starts, isSlot: [Bool](repeating: false, count: count), rowsMin: rowsMin, depth: 0, into: &result)
        return result
    }

    private func word(_ line: Int32, _ place: Int) -> UInt64 { hashes[Int(line) + place] }

    private func part(
        _ lines: ContiguousArray<Int32>, isSlot: [Bool], rowsMin: Int, depth: Int, into result: inout [[UInt64]]
    ) {
        guard lines.count >= rowsMin else { return }
        var distinct = [Int](repeating: 1, count: count)
        for place in 0..<count where !isSlot[place] { distinct[place] = countDistinct(lines, place) }
        let varying = (0..<count).filter { isSlot[$0] || distinct[$0] > 1 }
        let candidates = varying.filter {
            !isSlot[$0] && distinct[$0] <= Self.distinctMax && distinct[$0] * Self.rowsPerPart <= lines.count
        }.sorted { (distinct[$0], $0) < (distinct[$1], $1) }
        if depth < Self.depthMax {
            for place in candidates.prefix(4) {
                let parts = parted(lines, place)
                guard isFew(distinct[place], lines.count) || fixesOthers(parts, varying, isSlot, place, lines.count)
                else {
                    continue
                }
                var rest: ContiguousArray<Int32> = []
                for lines in parts {
                    if lines.count < rowsMin {
                        rest += lines
                    } else {
                        part(lines, isSlot: isSlot, rowsMin: rowsMin, depth: depth + 1, into: &result)
                    }
                }
                var restSlots = isSlot
                restSlots[place] = true
                part(rest, isSlot: restSlots, rowsMin: rowsMin, depth: depth + 1, into: &result)
                return
            }
        }
        guard !varying.isEmpty, (count - varying.count) * Self.fixedShare >= count else { return }
        var template = (0..<count).map { word(lines[0], $0) }
        for place in varying { template[place] = 0 }
        result.append(template)
    }

    private func isFew(_ distinct: Int, _ lines: Int) -> Bool {
        distinct <= Self.fewMax && distinct * Self.rowsPerFew <= lines
    }

    /// Different words at a place, counted up to one more than matter.
    private func countDistinct(_ lines: ContiguousArray<Int32>, _ place: Int) -> Int {
        var known: [UInt64] = []
        for line in lines {
            let hash = word(line, place)
            if !known.contains(hash) {
                known.append(hash)
                if known.count > Self.distinctMax { break }
            }
        }
        return known.count
    }

    /// Lines by their word at a place, in the order of first lines.
    private func parted(_ lines: ContiguousArray<Int32>, _ place: Int) -> [ContiguousArray<Int32>] {
        var known: [UInt64] = []
        var parts: [ContiguousArray<Int32>] = []
        for line in lines {
            let hash = word(line, place)
            if let index = known.firstIndex(of: hash) {
                parts[index].append(line)
            } else {
                known.append(hash)
                parts.append([line])
            }
        }
        return parts
    }

    /// Whether in most lines some other word that varies over all is the same throughout the part.
    private func fixesOthers(
        _ parts: [ContiguousArray<Int32>], _ varying: [Int], _ isSlot: [Bool], _ place: Int, _ lines: Int
    ) -> Bool {
        for other in varying where other != place && !isSlot[other] {
            var fixed = 0
            for part in parts where part.count > 1 {
                let first = word(part[0], other)
                if part.allSatisfy({ word($0, other) == first }) { fixed += part.count }
            }
            if fixed * 4 >= lines * 3 { return true }
        }
        return false
    }
}
