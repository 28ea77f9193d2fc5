/// The wanted names that the row in work hasn't got yet; once there are none, parsers need not read on.
struct PendingNames {
    private let ids: [Int32]?
    private let needsErrors: Bool
    private var left: Int

    /// - Parameters:
    ///   - ids: the wanted names, pinned; nil: all names that there are.
    ///   - needsErrors: lines are to be read to their end.
    init(_ ids: [Int32]?, needsErrors: Bool) {
        self.ids = ids
        self.needsErrors = needsErrors
        left = 0
    }

    /// To be called before a parser; false when the parser may be skipped, as the row has all that is wanted.
    mutating func begin(_ row: RowLabels) -> Bool {
        guard let ids else { return true }
        left = 0
        for id in ids where !row.has(id) { left += 1 }
        return left > 0 || needsErrors
    }

    /// Notes that a parser set a wanted name; true when that was the last.
    @inline(__always)
    mutating func found(_ id: Int32) -> Bool {
        guard let ids, !needsErrors else { return false }
        guard ids.contains(id) else { return false }
        left -= 1
        return left == 0
    }
}
