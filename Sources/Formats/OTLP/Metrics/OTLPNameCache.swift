import Bedrock
import Model

/// Translated names of metrics, kept from request to request. Not thread-safe.
struct OTLPNameCache {
    final class Entry {
        let name: [UInt8]
        let family: String
        let unit: String
        /// Why the name can't be translated.
        let flaw: String?
        fileprivate var request: UInt64 = 0

        init(name: String, unit: String, flaw: String?) {
            self.name = Array(name.utf8)
            family = name
            self.unit = unit
            self.flaw = flaw
        }
    }

    private var entries: [Hash128: Entry] = [:]
    private var request: UInt64 = 0
    /// Beyond, everything is forgotten: a sender with ever new names gains nothing by a cache.
    static let entriesMax = 20_000

    mutating func beginRequest() { request += 1 }

    mutating func entry(_ metric: OTLPMetric, _ kind: OTLPNames.Kind, _ names: OTLPNames) -> Entry {
        let seed = Hash128(of: metric.unit, seed: UInt64(kind.rawValue)).low
        let key = Hash128(of: metric.name, seed: seed)
        if let entry = entries[key] { return entry }
        if entries.count >= Self.entriesMax { entries.removeAll() }
        let name = String(decoding: metric.name, as: UTF8.self)
        let unit = String(decoding: metric.unit, as: UTF8.self)
        let entry: Entry
        do throws(OTLPNameError) {
            let translated = try names.metric(name, unit: unit, kind: kind)
            if translated.isEmpty { throw OTLPNameError(description: "a metric has no name") }
            entry = Entry(name: translated, unit: names.unit(unit), flaw: nil)
        } catch {
            entry = Entry(name: "", unit: "", flaw: error.description)
        }
        entries[key] = entry
        return entry
    }

    /// Whether the entry wasn't asked about in this request before.
    func isFirstInRequest(_ entry: Entry) -> Bool {
        defer { entry.request = request }
        return entry.request != request
    }
}
