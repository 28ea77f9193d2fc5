import Glibc

/// Which seeds to run: `OBS_SEEDS=n` for the first n (default 1000), `OBS_SEED=k` for one alone.
enum Seeds {
    static let countDefault: UInt64 = 1000

    private static func number(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }

    /// The seeds of part `part` of `parts`, so that parts can run side by side.
    static func part(_ part: Int, of parts: Int) -> [UInt64] {
        if let one = number("OBS_SEED") { return part == 0 ? [one] : [] }
        let count = number("OBS_SEEDS") ?? countDefault
        return Array(stride(from: UInt64(part), to: count, by: parts))
    }
}
