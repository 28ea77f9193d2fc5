import Bedrock
import Model

/// What a resource and a scope give to the series of their points: `job`, `instance`, promoted attributes, and the series `target_info`.
/// Reused from resource to resource; not thread-safe.
struct OTLPResourceLabels: ~Copyable {
    private struct Pair {
        var name: UnsafeRawBufferPointer
        var value: UnsafeRawBufferPointer
    }

    private var scratch = ScratchArena()
    private var scopeScratch = ScratchArena(capacity: 4 << 10)
    private var job = UnsafeRawBufferPointer.nothing
    private var instance = UnsafeRawBufferPointer.nothing
    private var promoted: ContiguousArray<Pair> = []
    private var scope: ContiguousArray<Pair> = []
    private var info = OTLPLabelSet()
    /// Of the points so far, milliseconds.
    private var first = Int64.max
    private var last = Int64.min
    /// Samples of `target_info` in this request, for resources that occur several times.
    private var written: Set<Hash128> = []
    private var isDescribed = false

    /// Most samples of `target_info` of one resource in one request; the newest are written.
    static let infoSamplesMax: Int64 = 256

    mutating func beginRequest() {
        written.removeAll(keepingCapacity: true)
        isDescribed = false
    }

    /// - Parameter attributes: stay where they are until the next resource.
    mutating func begin(_ attributes: UnsafeRawBufferPointer, _ options: OTLPMetricOptions) {
        scratch.clear()
        promoted.removeAll(keepingCapacity: true)
        scope.removeAll(keepingCapacity: true)
        info.clear()
        (first, last) = (.max, .min)
        var (name, space, id) = (
            UnsafeRawBufferPointer.nothing, UnsafeRawBufferPointer.nothing, UnsafeRawBufferPointer.nothing
        )
        var cursor = AttributeCursor(attributes)
        while cursor.next() {
            let key = cursor.key
            let text = OTLPValueText.text(cursor.value, &scratch)
            var isIdentity = true
            if key.spells("service.name") {
                name = text
            } else if key.spells("service.namespace") {
                space = text
            } else if key.spells("service.instance.id") {
                id = text
            } else {
                isIdentity = false
            }
            guard let label = options.names.label(key, &scratch), UTF8Text.isValid(label) else { continue }
            if !isIdentity || options.keepsIdentifyingResourceAttributes, UTF8Text.isValid(text) {
                info.add(label, text, key: key)
            }
            if isPromoted(key, options) { promoted.append(Pair(name: label, value: text)) }
        }
        info.joinRepeats(&scratch)
        job = name
        if !name.isEmpty, !space.isEmpty { job = scratch.joined(space, name, by: UInt8(ascii: "/")) }
        instance = id
    }

    private func isPromoted(_ key: UnsafeRawBufferPointer, _ options: OTLPMetricOptions) -> Bool {
        if options.promotesAllResourceAttributes {
            return options.ignoredResourceAttributes.isEmpty
                || !options.ignoredResourceAttributes.contains(String(decoding: key, as: UTF8.self))
        }
        return !options.promotedResourceAttributes.isEmpty
            && options.promotedResourceAttributes.contains(String(decoding: key, as: UTF8.self))
    }

    /// - Parameters: stay where they are until the next scope.
    mutating func beginScope(
        _ name: UnsafeRawBufferPointer, _ version: UnsafeRawBufferPointer, _ schemaURL: UnsafeRawBufferPointer,
        _ attributes: UnsafeRawBufferPointer, _ options: OTLPMetricOptions
    ) {
        scope.removeAll(keepingCapacity: true)
        guard options.promotesScopeMetadata else { return }
        scopeScratch.clear()
        scope.append(Pair(name: UnsafeRawBufferPointer("otel_scope_name"), value: name))
        scope.append(Pair(name: UnsafeRawBufferPointer("otel_scope_version"), value: version))
        scope.append(Pair(name: UnsafeRawBufferPointer("otel_scope_schema_url"), value: schemaURL))
        var cursor = AttributeCursor(attributes)
        let prefix = UnsafeRawBufferPointer("otel_scope" as StaticString)
        while cursor.next() {
            let full = scopeScratch.joined(prefix, cursor.key, by: UInt8(ascii: "_"))
            guard let label = options.names.label(full, &scopeScratch) else { continue }
            scope.append(Pair(name: label, value: OTLPValueText.text(cursor.value, &scopeScratch)))
        }
    }

    /// Adds to a point's labels: promoted attributes where the point has none of the name, the scope's and the identity in any case.
    func add(to labels: inout OTLPLabelSet) {
        for pair in promoted { labels.set(pair.name, pair.value, overrides: false) }
        for pair in scope { labels.set(pair.name, pair.value, overrides: true) }
        Self.addIdentity(job, instance, to: &labels)
    }

    private static func addIdentity(
        _ job: UnsafeRawBufferPointer, _ instance: UnsafeRawBufferPointer, to labels: inout OTLPLabelSet
    ) {
        if !job.isEmpty { labels.set(UnsafeRawBufferPointer("job"), job, overrides: true) }
        if !instance.isEmpty { labels.set(UnsafeRawBufferPointer("instance"), instance, overrides: true) }
    }

    /// There is a sample at this time.
    @inline(__always)
    mutating func note(_ timestamp: Int64) {
        first = min(first, timestamp)
        last = max(last, timestamp)
    }

    /// Writes `target_info` over the time of the resource's points, if it has any and there is something to say.
    /// - Returns: how many samples.
    mutating func writeTargetInfo(
        to batch: MetricBatch, _ options: OTLPMetricOptions, _ canonical: inout ByteBuffer
    ) -> Int {
        guard first <= last, !info.pairs.isEmpty, !job.isEmpty || !instance.isEmpty else { return 0 }
        Self.addIdentity(job, instance, to: &info)
        info.write(name: UnsafeRawBufferPointer("target_info"), to: &canonical)
        guard options.limits.problem(ofLabels: canonical.bytes) == nil else { return 0 }
        let interval = max(options.targetInfoInterval, 1)
        let (span, overflow) = Self.infoSamplesMax.multipliedReportingOverflow(by: interval)
        var time = max(first, overflow ? first : last - min(span, last - first))
        batch.beginSeries(canonical: canonical.bytes)
        var count = 0
        func append(_ time: Int64, _ written: inout Set<Hash128>) {
            let key = Hash128(of: canonical.bytes, seed: UInt64(bitPattern: time))
            guard written.insert(key).inserted else { return }
            batch.append(timestamp: time, value: 1)
            count += 1
        }
        while time < last {
            append(time, &written)
            time += interval
        }
        append(last, &written)
        if count == 0 { batch.dropLastSeries() }
        if !isDescribed { batch.append(MetricMetadata(family: "target_info", kind: .gauge, help: "Target metadata")) }
        isDescribed = true
        return count
    }
}
