import Bedrock
import Model

/// What a target's series look like behind relabelling, by their raw text, and which of them are alive.
///
/// A scrape that repeats the last one's series in the same order finds each by position, with one comparison of bytes: no label is parsed,
/// no rule applied. Not thread-safe.
struct SeriesCache {
    /// A raw text that was seen.
    private struct Entry {
        var key: [UInt8]
        /// Into `series`; negative: dropped by metric relabelling.
        var series: Int
    }

    /// A series as it is stored.
    private struct Series {
        var labels: Labels
        /// The last scrape that brought it, and the last successful one that did.
        var touched: UInt64 = 0
        var committed: UInt64 = 0
        /// It gets a staleness marker when it is missing.
        var isLive = false
        /// Its last sample had a timestamp of its own.
        var isSelfTimed = false
        /// What the last exemplar hashed to; 0: there was none.
        var exemplar: UInt64 = 0
    }

    enum Lookup: Equatable {
        case unknown
        case dropped
        /// To hand to `touch`.
        case series(Int)
    }

    enum Touch: Equatable {
        /// Not there in the last successful scrape.
        case added
        case known
        /// It came already in this scrape.
        case repeated
    }

    /// Beyond twice what is alive, so many entries are kept before a clean-up.
    private static let slack = 1024

    private var entries: ContiguousArray<Entry> = []
    private var index: [Hash128: Int] = [:]
    private var series: ContiguousArray<Series> = []
    private var seriesIndex: [Labels: Int] = [:]
    /// Entries in the order of the last scrape, and of this one.
    private var order: ContiguousArray<Int> = []
    private var nextOrder: ContiguousArray<Int> = []
    private var scrape: UInt64 = 0
    private var lastCommitted: UInt64 = 0

    /// Series that are alive.
    private(set) var liveCount = 0
    /// Raw texts remembered.
    var entryCount: Int { entries.count }

    /// Starts a scrape. One that was begun and not committed leaves no trace in what is alive.
    mutating func begin() {
        scrape += 1
        nextOrder.removeAll(keepingCapacity: true)
    }

    /// What a raw text stands for.
    mutating func find(_ key: UnsafeRawBufferPointer) -> Lookup {
        let position = nextOrder.count
        if position < order.count {
            let expected = order[position]
            if entries[expected].key.equals(key) { return note(expected) }
        }
        guard let found = index[Hash128(of: key)], entries[found].key.equals(key) else { return .unknown }
        return note(found)
    }

    /// Remembers what an unknown raw text stands for; nil labels: dropped.
    mutating func insert(_ key: UnsafeRawBufferPointer, _ labels: Labels?) -> Lookup {
        var target = -1
        if let labels { target = seriesNumber(labels) }
        index[Hash128(of: key)] = entries.count
        entries.append(Entry(key: Array(key), series: target))
        return note(entries.count - 1)
    }

    private mutating func note(_ entry: Int) -> Lookup {
        nextOrder.append(entry)
        return entries[entry].series < 0 ? .dropped : .series(entries[entry].series)
    }

    private mutating func seriesNumber(_ labels: Labels) -> Int {
        if let known = seriesIndex[labels] { return known }
        seriesIndex[labels] = series.count
        series.append(Series(labels: labels))
        return series.count - 1
    }

    func labels(_ number: Int) -> Labels { series[number].labels }

    /// Notes a sample of a series.
    mutating func touch(_ number: Int, isSelfTimed: Bool) -> Touch {
        let before = series[number].touched
        series[number].touched = scrape
        series[number].isSelfTimed = isSelfTimed
        if before == scrape { return .repeated }
        return lastCommitted > 0 && series[number].committed == lastCommitted ? .known : .added
    }

    /// Notes an exemplar of a series by a hash of all of it; false when it is the one of the scrape before.
    mutating func noteExemplar(_ number: Int, hash: UInt64) -> Bool {
        if series[number].exemplar == hash { return false }
        series[number].exemplar = hash
        return true
    }

    /// Takes every exemplar for new again: those noted were not sent.
    mutating func forgetExemplars() {
        for i in series.indices { series[i].exemplar = 0 }
    }

    /// Ends a successful scrape: calls `gone` for each series that was alive and didn't come.
    mutating func commit(tracksSelfTimed: Bool, gone: (Labels) -> Void) {
        liveCount = 0
        for i in series.indices {
            if series[i].touched == scrape {
                series[i].committed = scrape
                series[i].isLive = tracksSelfTimed || !series[i].isSelfTimed
                if series[i].isLive { liveCount += 1 }
            } else if series[i].isLive {
                series[i].isLive = false
                gone(series[i].labels)
            }
        }
        lastCommitted = scrape
        swap(&order, &nextOrder)
        if entries.count > 2 * order.count + Self.slack { forgetOld() }
    }

    /// Ends a failed scrape, or the target itself: calls `gone` for every series that was alive.
    mutating func endAll(gone: (Labels) -> Void) {
        for i in series.indices where series[i].isLive {
            series[i].isLive = false
            gone(series[i].labels)
        }
        liveCount = 0
    }

    /// Raw texts will stand for other series from now on: the rules have changed. What is alive stays so until the next scrape says.
    mutating func forgetRules() {
        entries = []
        index = [:]
        order = []
        nextOrder = []
    }

    /// Keeps only what came in this scrape.
    private mutating func forgetOld() {
        var next = SeriesCache()
        next.scrape = scrape
        next.lastCommitted = lastCommitted
        next.liveCount = liveCount
        var moved: [Int: Int] = [:]
        for old in order {
            if let new = moved[old] {
                next.order.append(new)
                continue
            }
            let entry = entries[old]
            var number = -1
            if entry.series >= 0 {
                number = next.seriesNumber(series[entry.series].labels)
                next.series[number] = series[entry.series]
            }
            moved[old] = next.entries.count
            next.index[entry.key.withUnsafeBytes { Hash128(of: $0) }] = next.entries.count
            next.order.append(next.entries.count)
            next.entries.append(Entry(key: entry.key, series: number))
        }
        self = next
    }
}

extension [UInt8] {
    @inline(__always)
    fileprivate func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        withUnsafeBytes { compareBytes($0, other) == 0 }
    }
}
