import Bedrock
import Glibc
import Model
import Synchronization
import Testing

@testable import MetricStore

/// What a store should hold: per series the last value written at each time.
struct SeriesOracle: Equatable {
    var rows: [Labels: [Int64: UInt64]] = [:]

    mutating func add(_ labels: Labels, _ timestamp: Int64, _ value: Double) {
        rows[labels, default: [:]][timestamp] = value.bitPattern
    }
}

extension MemtablePin {
    /// Everything this view shows of a tenant.
    func contents(_ tenant: Tenant = .default) throws -> SeriesOracle {
        var oracle = SeriesOracle()
        guard let table = memtable.tenantTable(tenant) else { return oracle }
        let buffer = RowBuffer()
        for id in 0..<table.heads.count {
            buffer.clear()
            try appendRows(table.heads.pointer(id), in: .everything, to: buffer)
            buffer.normalise()
            let labels = Labels(canonical: table.index.series.pointer(id).pointee.labels)
            for row in 0..<buffer.count { oracle.add(labels, buffer.timestamps[row], buffer.values[row]) }
        }
        return oracle
    }
}

@Suite struct MemtableTests {
    static func labels(_ i: Int) -> Labels {
        Labels(["__name__": "m\(i % 5)", "i": "\(i)", "half": i % 2 == 0 ? "even" : "odd"])
    }

    static func record(_ rows: [(Int, Int64, Double)]) -> [UInt8] {
        let batch = MetricBatch()
        for (series, timestamp, value) in rows {
            batch.beginSeries(labels(series))
            batch.append(timestamp: timestamp, value: value)
        }
        var buffer = ByteBuffer()
        MetricRecord.encode(batch, into: &buffer)
        return buffer.array()
    }

    static func apply(_ bytes: [UInt8], _ offset: UInt64, to table: MetricMemtable, tenant: Tenant = .default) throws {
        try bytes.withUnsafeBytes { try table.apply($0, tenant: tenant, offset: offset) }
    }

    /// Rows in order, out of order, repeated and overwritten.
    static func randomRecord(
        _ tick: Int, series: Int, _ generator: inout SeededGenerator, _ oracle: inout SeriesOracle
    ) -> [UInt8] {
        var rows: [(Int, Int64, Double)] = []
        for i in 0..<series where generator.next() % 8 != 0 {
            for _ in 0..<(generator.next() % 10 == 0 ? 5 : 1) {
                let late = generator.next() % 12 == 0 ? Int64(generator.next() % 50) : 0
                let timestamp = (Int64(tick) - late) * 1000
                let value = Double(generator.next() % 4)
                rows.append((i, timestamp, value))
                oracle.add(labels(i), timestamp, value)
            }
        }
        return record(rows)
    }

    @Test func rowsComeBackInAnyOrderOfArrival() throws {
        var generator = SeededGenerator(seed: 3)
        var oracle = SeriesOracle()
        let table = MetricMemtable()
        for tick in 0..<400 {
            try Self.apply(Self.randomRecord(tick, series: 7, &generator, &oracle), UInt64(tick + 100), to: table)
            if tick % 97 == 0 { #expect(try table.pin().contents() == oracle) }
        }
        #expect(try table.pin().contents() == oracle)
        #expect(table.timeRange.map { $0.end } == 399_000)
        #expect(table.tenants == [.default])
        #expect(table.rowCount >= oracle.rows.values.reduce(0) { $0 + $1.count })
        #expect(table.byteCount > 0)
    }

    @Test func aPinSeesOneMomentHoweverLongItLooks() throws {
        var generator = SeededGenerator(seed: 4)
        var oracle = SeriesOracle()
        let table = MetricMemtable()
        var pins: [(MemtablePin, SeriesOracle)] = []
        for tick in 0..<600 {
            try Self.apply(Self.randomRecord(tick, series: 4, &generator, &oracle), UInt64(tick + 1), to: table)
            if tick % 61 == 3 { pins.append((table.pin(), oracle)) }
            if tick % 150 == 149 { pins.remove(at: 0) }
        }
        for (pin, then) in pins { #expect(try pin.contents() == then) }
    }

    @Test func exactRepeatsAddNothing() throws {
        let table = MetricMemtable()
        let record = Self.record([(1, 1000, 5), (2, 1000, 6)])
        try Self.apply(record, 1, to: table)
        let bytes = table.byteCount
        for offset in 2..<50 { try Self.apply(record, UInt64(offset), to: table) }
        #expect(table.rowCount == 2)
        #expect(table.byteCount == bytes)
        try Self.apply(Self.record([(1, 1000, 7)]), 60, to: table)
        #expect(try table.pin().contents().rows[Self.labels(1)] == [1000: 7.0.bitPattern])
    }

    @Test func tenantsAreApart() throws {
        let table = MetricMemtable()
        try Self.apply(Self.record([(1, 1000, 5)]), 1, to: table, tenant: Tenant("a"))
        try Self.apply(Self.record([(1, 1000, 6)]), 2, to: table, tenant: Tenant("b"))
        #expect(table.tenants == [Tenant("a"), Tenant("b")])
        #expect(try table.pin().contents(Tenant("a")).rows[Self.labels(1)] == [1000: 5.0.bitPattern])
        #expect(try table.pin().contents(Tenant("b")).rows[Self.labels(1)] == [1000: 6.0.bitPattern])
        #expect(try table.pin().contents().rows.isEmpty)
    }

    @Test func damagedRecordsLeaveNoTrace() throws {
        let table = MetricMemtable()
        try Self.apply(Self.record([(1, 1000, 5)]), 1, to: table)
        let record = Self.record([(2, 1000, 5), (3, 2000, 6)])
        for length in 0..<record.count {
            #expect(throws: DecodeError.self) { try Self.apply(Array(record.prefix(length)), 2, to: table) }
        }
        #expect(table.rowCount == 1)
        #expect(try table.pin().contents().rows.count == 1)
        #expect(throws: DecodeError.self) { try Self.apply(record, 0, to: table) }
    }

    @Test func postingsFollowTheSeries() throws {
        let table = MetricMemtable()
        try Self.apply(Self.record((0..<500).map { ($0, 1000, 1) }), 1, to: table)
        let index = try #require(table.tenantTable(.default)?.index)
        let half = try #require(Array("half".utf8).withUnsafeBytes { index.findName($0) })
        let even = try #require(Array("even".utf8).withUnsafeBytes { index.findPair(name: half, value: $0) })
        let ids = index.pairs.pointer(even).pointee.series.withIds { Array($0) }
        #expect(ids == (0..<250).map { UInt32($0 * 2) })
        #expect(Array("none".utf8).withUnsafeBytes { index.findPair(name: half, value: $0) } == nil)
        #expect(Array("none".utf8).withUnsafeBytes { index.findName($0) } == nil)
        #expect(index.names.count == 3)
        #expect(index.pairs.count == 5 + 500 + 2)
    }

    @Test func theSeriesTableOutlivesASeal() throws {
        let first = MetricMemtable()
        try Self.apply(Self.record((0..<100).map { ($0, 1000, 1) }), 1, to: first)
        let second = MetricMemtable(after: first)
        #expect(second.rowCount == 0)
        #expect(second.tenants.isEmpty)
        #expect(second.byteCount < first.byteCount)
        try Self.apply(Self.record((0..<20).map { ($0 + 90, 2000, 2) }), 2, to: second)
        // The new one shares the table; the old one still shows what it had.
        #expect(second.tenantTable(.default)?.index === first.tenantTable(.default)?.index)
        #expect(try first.pin().contents().rows.count == 100)
        #expect(try second.pin().contents().rows.count == 20)
        // 90 of 110 were idle: they leave.
        let third = MetricMemtable(after: second)
        #expect(third.tenantTable(.default)?.index.series.count == 20)
        try Self.apply(Self.record([(5, 3000, 3), (95, 3000, 3)]), 3, to: third)
        #expect(try third.pin().contents().rows.count == 2)
    }

    @Test func checkpointsRestoreWhatWasThere() throws {
        var generator = SeededGenerator(seed: 5)
        var oracle = SeriesOracle()
        var table = MetricMemtable()
        var blocks: [[UInt8]] = []
        for tick in 0..<900 {
            try Self.apply(
                Self.randomRecord(tick, series: 5 + tick / 200, &generator, &oracle), UInt64(tick + 1), to: table)
            if generator.next() % 50 == 0 {
                var block = ByteBuffer()
                table.checkpoint(into: &block)
                blocks.append(block.array())
                let size = block.count
                table.checkpoint(into: &block)
                #expect(block.count == size, "nothing new, nothing written")
            }
            if generator.next() % 200 == 0 {
                // A crash: what was checkpointed comes back, the rest is replayed by the queue.
                var block = ByteBuffer()
                table.checkpoint(into: &block)
                blocks.append(block.array())
                table = try Self.restored(blocks)
                #expect(try table.pin().contents() == oracle)
            }
        }
        #expect(blocks.count > 5)
        let last = try Self.restored(blocks)
        var block = ByteBuffer()
        table.checkpoint(into: &block)
        try block.bytes.withUnsafeBytesCopy { try last.restore($0, owner: $1) }
        #expect(try last.pin().contents() == oracle)
    }

    static func restored(_ blocks: [[UInt8]]) throws -> MetricMemtable {
        let table = MetricMemtable()
        for block in blocks {
            try block.withUnsafeBytes { try $0.withUnsafeBytesCopy { try table.restore($0, owner: $1) } }
        }
        return table
    }

    @Test func damagedCheckpointsThrowOrDiffer() throws {
        let table = MetricMemtable()
        for tick in 0..<300 {
            try Self.apply(Self.record([(1, Int64(tick), 1), (2, Int64(tick), 2)]), UInt64(tick + 1), to: table)
        }
        let batch = MetricRecordTests.batch()
        var record = ByteBuffer()
        MetricRecord.encode(batch, into: &record)
        try table.apply(record.bytes, tenant: .default, offset: 301)
        var block = ByteBuffer()
        table.checkpoint(into: &block)
        let bytes = block.array()
        for at in stride(from: 0, to: bytes.count, by: 7) {
            var damaged = bytes
            damaged[at] ^= 0x55
            if let other = try? Self.restored([damaged]) { _ = try? other.pin().contents() }
            if let other = try? Self.restored([Array(bytes.prefix(at))]) { _ = try? other.pin().contents() }
        }
        let whole = try Self.restored([bytes])
        #expect(try whole.pin().contents() == table.pin().contents())
        #expect(whole.tenantTable(.default)?.metadata.withLock { $0.values.map(\.family) } == ["latency"])
    }

    @Test func histogramsComeBackAsOfThePin() throws {
        let table = MetricMemtable()
        let batch = MetricBatch()
        for (time, scale) in [(2000, 1.0), (1000, 2), (2000, 3)] {
            batch.beginSeries(Labels(["__name__": "h"]))
            batch.append(timestamp: Int64(time), histogram: MetricRecordTests.sampleHistogram(scale))
        }
        var record = ByteBuffer()
        MetricRecord.encode(batch, into: &record)
        let before = table.pin()
        try table.apply(record.bytes, tenant: .default, offset: 1)
        let head = try #require(table.tenantTable(.default)).heads.pointer(0)
        #expect(try before.histograms(head, in: .everything).isEmpty)
        #expect(!before.mayHaveRows(head, in: .everything))
        let rows = try table.pin().histograms(head, in: .everything)
        #expect(rows.map(\.timestamp) == [1000, 2000])
        #expect(rows.map(\.histogram) == [2, 3].map { MetricRecordTests.sampleHistogram($0) })
        #expect(try table.pin().histograms(head, in: TimeRange(1500, 3000)).map(\.timestamp) == [2000])
    }

    private final class Shared: Sendable {
        let done = Atomic<Bool>(false)
        let failures = Atomic<Int>(0)
        let looks = Atomic<Int>(0)
    }

    @Test func readersAndTheWriterDoNotDisturbEachOther() throws {
        let table = MetricMemtable()
        let shared = Shared()
        // Every record carries all series at once, so that a consistent view has the same rows in all of them.
        concurrently(3) { thread in
            if thread == 0 {
                for tick in 0..<2000 {
                    let record = Self.record((0..<6).map { ($0, Int64(tick), Double(tick)) })
                    try? Self.apply(record, UInt64(tick + 1), to: table)
                }
                shared.done.store(true, ordering: .releasing)
                return
            }
            while !shared.done.load(ordering: .acquiring) {
                let rows = try? table.pin().contents().rows
                let counts = Set((rows ?? [:]).values.map(\.count))
                if rows == nil || counts.count > 1 { shared.failures.add(1, ordering: .relaxed) }
                shared.looks.add(1, ordering: .relaxed)
            }
        }
        #expect(shared.failures.load(ordering: .relaxed) == 0)
        #expect(shared.looks.load(ordering: .relaxed) > 0)
        #expect(try table.pin().contents().rows.values.allSatisfy { $0.count == 2000 })
    }
}

extension UnsafeRawBufferPointer {
    /// Bytes that stay where they are for as long as the owner does.
    func withUnsafeBytesCopy(_ body: (UnsafeRawBufferPointer, AnyObject) throws -> Void) throws {
        let copy = HeapBytes(self)
        try body(copy.bytes, copy)
    }
}

final class HeapBytes: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer

    init(_ source: UnsafeRawBufferPointer) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: source.count, alignment: 16)
        copy.copyMemory(from: source)
        bytes = UnsafeRawBufferPointer(copy)
    }

    deinit { bytes.deallocate() }
}

/// Runs `body` on `count` threads at once, and waits for them.
func concurrently(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    final class Box: Sendable {
        let index: Int
        let body: @Sendable (Int) -> Void
        init(_ index: Int, _ body: @escaping @Sendable (Int) -> Void) {
            self.index = index
            self.body = body
        }
    }
    var threads: [pthread_t] = []
    for index in 0..<count {
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Box(index, body))
        pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
                box.body(box.index)
                return nil
            }, box.toOpaque())
        threads.append(thread)
    }
    for thread in threads { pthread_join(thread, nil) }
}
