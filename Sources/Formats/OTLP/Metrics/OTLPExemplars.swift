import Bedrock
import Model

/// The exemplars of one data point, with their labels in canonical form. Reused from point to point; not thread-safe.
struct OTLPExemplars: ~Copyable {
    struct Row {
        var value: Double
        /// Milliseconds.
        var timestamp: Int64
        var labelOffset: Int
        var labelLength: Int
    }

    private(set) var rows: ContiguousArray<Row> = []
    private var arena = ByteBuffer(capacity: 512)
    private var labels = LabelSetWriter()
    private var scratch = ScratchArena(capacity: 4 << 10)
    /// Of one data point; more tell nothing.
    static let countMax = 1_024

    mutating func clear() {
        rows.removeAll(keepingCapacity: true)
        arena.clear()
    }

    /// Adds one with the identifiers and attributes that it came with; the latter only where all keep to the limit of an exemplar's labels.
    ///
    /// - Parameter time: nanoseconds.
    /// - Returns: whether it was taken.
    mutating func add(
        value: Double, time: UInt64, trace: WireIdentifier, span: WireIdentifier, attributes: UnsafeRawBufferPointer,
        names: OTLPNames
    ) -> Bool {
        guard rows.count < Self.countMax else { return false }
        scratch.clear()
        labels.clear()
        let start = arena.count
        addIdentifiers(trace, span)
        var cursor = AttributeCursor(attributes)
        while cursor.next() {
            let text = OTLPValueText.text(cursor.value, &scratch)
            guard let name = names.label(cursor.key, &scratch), UTF8Text.isValid(text), UTF8Text.isValid(name) else {
                continue
            }
            labels.add(name, text)
        }
        labels.writeLast(to: &arena)
        if !Exemplar.isShortEnough(UnsafeRawBufferPointer(rebasing: arena.bytes[start...])) {
            arena.truncate(to: start)
            labels.clear()
            addIdentifiers(trace, span)
            labels.writeLast(to: &arena)
        }
        rows.append(
            Row(
                value: value, timestamp: Int64(time / 1_000_000), labelOffset: start, labelLength: arena.count - start))
        return true
    }

    private mutating func addIdentifiers(_ trace: WireIdentifier, _ span: WireIdentifier) {
        if let id = span.spanID, !id.isZero {
            let text = withUnsafeBytes(of: id.value.bigEndian) { scratch.hex($0) }
            labels.add(UnsafeRawBufferPointer("span_id"), text)
        }
        if let id = trace.traceID {
            let text = withUnsafeBytes(of: (id.high.bigEndian, id.low.bigEndian)) { scratch.hex($0) }
            labels.add(UnsafeRawBufferPointer("trace_id"), text)
        }
    }

    /// By value, for buckets.
    mutating func sort() { if rows.count > 1 { rows.sort { $0.value < $1.value } } }

    func withLabels(_ row: Row, _ body: (UnsafeRawBufferPointer) -> Void) {
        body(UnsafeRawBufferPointer(rebasing: arena.bytes[row.labelOffset..<row.labelOffset + row.labelLength]))
    }
}
