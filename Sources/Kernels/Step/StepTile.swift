/// Steps in small runs: operators that look at a whole group per step walk each row a few steps at a time, because rows are long and
/// single steps of many rows are far apart in memory.
public enum StepTile {
    /// Steps of a tile.
    public static let width = 16

    /// Calls `body` with each tile of `steps` steps.
    public static func forEach(_ steps: Int, _ body: (Range<Int>) throws -> Void) rethrows {
        var start = 0
        while start < steps {
            let end = min(steps, start + width)
            try body(start..<end)
            start = end
        }
    }
}
