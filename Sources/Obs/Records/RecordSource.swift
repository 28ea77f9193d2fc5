import Bedrock
import Formats
import Glibc

/// Makes OTLP requests of finished spans or log records. Belongs to the exporter's thread, but for the marks.
final class RecordSource: ExportSource, @unchecked Sendable {
    let signal: TelemetrySignal
    private let core: RecordCore
    private let queue: RecordQueue
    private let resource: [UInt8]
    private let batchMax: Int
    private let delay: UInt64
    private var envelope = OTLPEnvelope()
    /// Taken from the queue and not yet in a batch, from `next` on.
    private var records: [UInt32] = []
    private var next = 0
    /// Records of the batch under way.
    private var underWay = 0
    private var waitingSince: UInt64?
    private var scopes: [UInt32: [UInt8]] = [:]
    private var fields: [RecordFields] = []

    init(
        _ signal: TelemetrySignal, _ core: RecordCore, resource: [UInt8], batching: TelemetryOptions.Batching
    ) {
        self.signal = signal
        self.core = core
        queue = signal == .traces ? core.spans : core.logs
        self.resource = resource
        batchMax = max(1, min(batching.batchMax, batching.queueMax))
        delay = UInt64(max(0.001, min(batching.delaySeconds, 86_400)) * 1e9) / 2
        records.reserveCapacity(batching.queueMax)
    }

    func due(now: UInt64) -> UInt64 {
        let count = queue.count
        guard count > 0 else {
            waitingSince = nil
            return now &+ delay
        }
        if count >= batchMax { return now }
        let since = waitingSince ?? now
        waitingSince = since
        return since &+ delay
    }

    func makeBatch(now: UInt64) -> ExportBatch? {
        waitingSince = nil
        if next == records.count {
            records.removeAll(keepingCapacity: true)
            next = 0
            queue.take(into: &records)
        }
        let count = min(batchMax, records.count - next)
        guard count > 0 else { return nil }
        underWay = count
        envelope.clear()
        resource.withUnsafeBytes { envelope.beginResource($0) }
        // Records of one scope stand together; there are few scopes.
        var batch = records[next..<next + count]
        next += count
        while let first = batch.first {
            let scope = header(first).pointee.scope
            encodedScope(scope).withUnsafeBytes { envelope.beginScope($0) }
            var others: [UInt32] = []
            for record in batch {
                if header(record).pointee.scope == scope { append(record) } else { others.append(record) }
            }
            batch = others[...]
        }
        envelope.endResource()
        return ExportBatch(body: envelope.buffer.array(), recordCount: count)
    }

    func settle(isDelivered: Bool) {
        queue.settle(underWay)
        underWay = 0
    }

    func flushMark() -> UInt64 { queue.enqueuedCount }

    func hasUnsent(until mark: UInt64) -> Bool {
        Int64(bitPattern: mark &- queue.settledCount) > Int64(underWay)
    }

    func isSettled(until mark: UInt64) -> Bool { Int64(bitPattern: mark &- queue.settledCount) <= 0 }

    func discard() -> Int {
        queue.close()
        queue.take(into: &records)
        let count = records.count - next
        for record in records[next...] { queue.free(record) }
        records = []
        next = 0
        queue.settle(count)
        return count
    }

    private func header(_ record: UInt32) -> UnsafeMutablePointer<RecordHeader> {
        core.pool.payload(record).assumingMemoryBound(to: RecordHeader.self)
    }

    private func encodedScope(_ number: UInt32) -> [UInt8] {
        if let known = scopes[number] { return known }
        let scope = core.scope(number)
        var buffer = ByteBuffer()
        if !scope.name.isEmpty { buffer.append(field: 1, string: scope.name) }
        if !scope.version.isEmpty { buffer.append(field: 2, string: scope.version) }
        scopes[number] = buffer.array()
        return buffer.array()
    }

    /// Writes a record and gives its memory back.
    private func append(_ record: UInt32) {
        let header = header(record)
        let start = envelope.beginRecord()
        if signal == .traces { beginSpan(header) } else { beginLog(header) }
        if header.pointee.hasRepeatedNames { appendWithoutRepeats(record) } else { appendBlocks(record) }
        if signal == .traces { endSpan(header) } else { endLog(header) }
        envelope.endRecord(start)
        queue.free(record)
    }

    private func beginSpan(_ header: UnsafeMutablePointer<RecordHeader>) {
        envelope.buffer.append(field: 1, high: header.pointee.traceHigh, low: header.pointee.traceLow)
        envelope.buffer.append(field: 2, identifier: header.pointee.spanID)
        if header.pointee.parentID != 0 { envelope.buffer.append(field: 4, identifier: header.pointee.parentID) }
        envelope.buffer.append(field: 6, varint: UInt64(header.pointee.kind))
        envelope.buffer.append(field: 7, fixed64: wall(header.pointee.start, header))
        envelope.buffer.append(field: 8, fixed64: wall(header.pointee.end, header))
    }

    private func endSpan(_ header: UnsafeMutablePointer<RecordHeader>) {
        let (attributes, events) = (header.pointee.droppedAttributes, header.pointee.droppedEvents)
        if attributes > 0 { envelope.buffer.append(field: 10, varint: UInt64(attributes)) }
        if events > 0 { envelope.buffer.append(field: 12, varint: UInt64(events)) }
        if header.pointee.droppedLinks > 0 {
            envelope.buffer.append(field: 14, varint: UInt64(header.pointee.droppedLinks))
        }
        envelope.buffer.append(field: 16, fixed32: header.pointee.flags)
    }

    private func beginLog(_ header: UnsafeMutablePointer<RecordHeader>) {
        let time = wall(header.pointee.start, header)
        envelope.buffer.append(field: 1, fixed64: time)
        envelope.buffer.append(field: 11, fixed64: time)
        envelope.buffer.append(field: 2, varint: UInt64(header.pointee.kind))
        if let severity = Severity(rawValue: header.pointee.kind) {
            envelope.buffer.append(field: 3, string: severity.text)
        }
        guard header.pointee.traceHigh | header.pointee.traceLow != 0 else { return }
        envelope.buffer.append(field: 9, high: header.pointee.traceHigh, low: header.pointee.traceLow)
        envelope.buffer.append(field: 10, identifier: header.pointee.spanID)
        envelope.buffer.append(field: 8, fixed32: header.pointee.flags)
    }

    private func endLog(_ header: UnsafeMutablePointer<RecordHeader>) {
        let attributes = header.pointee.droppedAttributes
        if attributes > 0 { envelope.buffer.append(field: 7, varint: UInt64(attributes)) }
    }

    private func wall(_ time: UInt64, _ header: UnsafeMutablePointer<RecordHeader>) -> UInt64 {
        UInt64(clamping: Int64(clamping: time) &+ header.pointee.wallOffset)
    }

    private func appendBlocks(_ record: UInt32) {
        var block = record
        var from = RecordHeader.bytes
        while block != 0 {
            let used = Int(core.pool.block(block).pointee.used)
            envelope.buffer.append(
                UnsafeRawBufferPointer(start: core.pool.payload(block) + from, count: used - from))
            from = 0
            block = core.pool.block(block).pointee.next
        }
    }

    /// As `appendBlocks`, leaving out attributes whose name comes again later.
    private func appendWithoutRepeats(_ record: UInt32) {
        let from = envelope.buffer.count
        appendBlocks(record)
        let written = UnsafeRawBufferPointer(rebasing: envelope.buffer.bytes[from...])
        let isAttribute = signal == .traces ? 9 : 6
        RecordFields.split(written, into: &fields)
        fields.withUnsafeMutableBufferPointer { RecordFields.markRepeats($0, number: isAttribute, written) }
        // Most names that looked alike aren't.
        guard fields.contains(where: \.isRepeated) else { return }
        let copy = Array(written)
        envelope.buffer.truncate(to: from)
        copy.withUnsafeBytes { bytes in
            for field in fields where !field.isRepeated {
                envelope.buffer.append(UnsafeRawBufferPointer(rebasing: bytes[field.range]))
            }
        }
    }
}

/// The fields of a record's bytes, which this room wrote itself.
private struct RecordFields {
    let number: Int
    let range: Range<Int>
    /// Where the content of a length-delimited field begins.
    let content: Int
    /// Whether its name comes again later.
    var isRepeated = false

    /// The name in a `KeyValue`.
    func name(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var at = content
        guard at < range.upperBound, bytes[at] == 1 << 3 | 2 else { return nil }
        at += 1
        guard let count = Self.varint(bytes, &at), at + count <= range.upperBound else { return nil }
        return UnsafeRawBufferPointer(rebasing: bytes[at..<at + count])
    }

    /// Marks the fields of `number` whose name comes again.
    static func markRepeats(
        _ fields: UnsafeMutableBufferPointer<RecordFields>, number: Int, _ bytes: UnsafeRawBufferPointer
    ) {
        if fields.count > 64 {
            var seen: Set<String> = []
            for index in fields.indices.reversed() where fields[index].number == number {
                guard let name = fields[index].name(bytes) else { continue }
                fields[index].isRepeated = !seen.insert(String(decoding: name, as: UTF8.self)).inserted
            }
            return
        }
        for index in fields.indices where fields[index].number == number {
            guard let name = fields[index].name(bytes) else { continue }
            for later in fields.indices[(index + 1)...] where fields[later].number == number {
                guard let other = fields[later].name(bytes), areEqual(name, other) else { continue }
                fields[index].isRepeated = true
                break
            }
        }
    }

    private static func areEqual(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        guard a.count == b.count else { return false }
        guard let left = a.baseAddress, let right = b.baseAddress else { return true }
        return memcmp(left, right, a.count) == 0
    }

    static func split(_ bytes: UnsafeRawBufferPointer, into fields: inout [RecordFields]) {
        fields.removeAll(keepingCapacity: true)
        var at = 0
        while at < bytes.count {
            let start = at
            guard let tag = varint(bytes, &at) else { break }
            var content = at
            switch tag & 7 {
            case 0: _ = varint(bytes, &at)
            case 1: at += 8
            case 5: at += 4
            default:
                guard let count = varint(bytes, &at) else { return }
                content = at
                at += count
            }
            guard at <= bytes.count else { break }
            fields.append(RecordFields(number: tag >> 3, range: start..<at, content: content))
        }
    }

    private static func varint(_ bytes: UnsafeRawBufferPointer, _ at: inout Int) -> Int? {
        var value = 0
        var shift = 0
        while at < bytes.count, shift < 56 {
            let byte = bytes[at]
            at += 1
            value |= Int(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }
}
