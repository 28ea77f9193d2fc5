import Bedrock
import LSM
import Model

/// Opens a part of a selection: judges its rows, looks elsewhere for the rest of the traces that are wanted, and leaves to other parts what is
/// theirs. Used once, by one thread.
///
/// A trace that lies in several places is handed out by the first part that has a passing span of it; each part finds that out for itself.
final class PartOpening {
    private let selection: StoreSelection
    private let number: Int
    private let part: StoreSelection.Part
    private var blocks: [TracePlace: StoredBlock] = [:]
    private var visibleRows: [ObjectIdentifier: ContiguousArray<UInt8>?] = [:]

    init(_ selection: StoreSelection, _ number: Int) {
        self.selection = selection
        self.number = number
        part = selection.parts[number]
    }

    private var snapshot: SpanEngineSnapshot { selection.snapshot }
    private var request: SpanRequest { selection.request }

    func open() throws -> any SpanBlock {
        let run = snapshot.runs[part.run]
        let rows: any SpanRows
        switch run.storage {
        case .memtable(let pin, let table):
            let resources = selection.filtersNeedTrace ? nil : ResourceTest(request.filters)
            rows = try MemtableRows(pin, table, traces: part.traces, resources: resources)
        case .segment(let segment, _):
            let block = StoredBlock(segment, try segment.index(), part.block ?? 0)
            blocks[TracePlace(run: part.run, block: block.number, trace: 0)] = block
            if try !request.filters.contains(where: { try block.mayPass($0) }) { return SelectedSpans(request) }
            rows = block
        }
        try request.budget.charge(rows.rowCount)
        defer { selection.count(spans: rows.rowCount, bytes: blocks.values.reduce(0) { $0 + $1.bytesDecoded }) }
        var known: [SpanField: SpanColumn] = [:]
        var passes: [ContiguousArray<UInt8>] = []
        if !selection.filtersNeedTrace {
            let isInside = part.firstStart >= selection.first && part.lastStart <= selection.last
            passes = try evaluate(rowCount: rows.rowCount, starts: isInside ? nil : rows.starts) { field in
                if let column = known[field] { return column }
                let column = try rows.column(field)
                known[field] = column
                return column
            }
            if let visible = try visible(rows, run) {
                for filter in passes.indices {
                    for row in visible.indices { passes[filter][row] &= visible[row] }
                }
            }
        }
        let assembly = TraceAssembly()
        let own = assembly.add(rows)
        for (field, column) in known { assembly.note(column, of: field, source: own) }
        return try assemble(assembly, own, rows, passes)
    }

    /// For each filter which rows pass, and begin in the range.
    /// - Parameter starts: nil where all rows do.
    private func evaluate(
        rowCount: Int, starts: (() throws -> ContiguousArray<Int64>)?, _ column: (SpanField) throws -> SpanColumn
    ) throws -> [ContiguousArray<UInt8>] {
        var passes = try request.filters.map { try $0.evaluate(rowCount: rowCount, column: column) }
        guard let starts, passes.contains(where: { $0.contains(1) }) else { return passes }
        let times = try starts()
        for filter in passes.indices {
            for row in times.indices where times[row] < selection.first || times[row] > selection.last {
                passes[filter][row] = 0
            }
        }
        return passes
    }

    private func visible(_ rows: any SpanRows, _ run: StoredRun) throws -> ContiguousArray<UInt8>? {
        if let known = visibleRows[ObjectIdentifier(rows)] { return known }
        let made = try rows.visible(run.hides, from: snapshot.retentionStart)
        visibleRows[ObjectIdentifier(rows)] = .some(made)
        return made
    }

    // MARK: Traces

    private func assemble(
        _ assembly: TraceAssembly, _ own: Int32, _ rows: any SpanRows, _ passes: [ContiguousArray<UInt8>]
    ) throws -> any SpanBlock {
        let starts = try rows.traceStarts()
        let ids = try rows.traceIDs()
        let run = snapshot.runs[part.run]
        let wantsWhole = request.grouping != .spans || selection.needsTrace
        // Rows of traces put together from several places are judged once more.
        var places: [[TracePlace]] = []
        for (trace, id) in ids.enumerated() {
            let range = Int(starts[trace])..<Int(starts[trace + 1])
            if !passes.isEmpty, !passes.contains(where: { $0[range].contains(1) }) { continue }
            let elsewhere = try self.elsewhere(id, trace)
            if elsewhere.isEmpty {
                let visible = try visible(rows, run)
                for row in range
                where (visible?[row] ?? 1) == 1 && (wantsWhole || passes.contains { $0[row] == 1 }) {
                    assembly.append(TraceAssembly.Row(source: own, row: Int32(truncatingIfNeeded: row)))
                }
                assembly.endTrace(id)
                places.append([])
            } else {
                places.append(try join(id, elsewhere, own: own, range, rows, to: assembly))
                assembly.endTrace(id)
            }
        }
        let isJoined = places.contains { !$0.isEmpty }
        let judged: [ContiguousArray<UInt8>]
        if isJoined || selection.filtersNeedTrace {
            judged = try evaluate(rowCount: assembly.rowCount, starts: assembly.starts, assembly.column)
        } else {
            judged = passes.map { mask in ContiguousArray(assembly.rows.map { mask[Int($0.row)] }) }
        }
        let chosen = choose(assembly, judged, places)
        if chosen.rowCount > 0 {
            // Damage must show before rows are handed out.
            for field in request.fields { _ = try assembly.column(field) }
            if request.grouping != .spans { try assembly.prepareSummaries() }
        }
        return chosen
    }

    /// Other places of a trace than `trace` of this part.
    private func elsewhere(_ id: TraceID, _ trace: Int) throws -> [TracePlace] {
        if snapshot.runs.count == 1, part.block == nil { return [] }
        return try snapshot.places(of: id).filter { place in
            guard place.run == part.run else { return true }
            guard let block = part.block else { return false }
            return place.block != block || place.trace != trace
        }
    }

    /// Adds all rows of a trace, by key, of the same span that of the latest run. Returns where each row comes from.
    private func join(
        _ id: TraceID, _ elsewhere: [TracePlace], own: Int32, _ range: Range<Int>, _ rows: any SpanRows,
        to assembly: TraceAssembly
    ) throws -> [TracePlace] {
        var found: [(key: SpanKey, run: Int, row: TraceAssembly.Row, place: TracePlace)] = []
        func add(_ source: Int32, _ rows: any SpanRows, _ range: Range<Int>, _ place: TracePlace) throws {
            let (starts, ids, codes) = (try rows.starts(), try rows.spanIDs(), try rows.codes())
            let visible = try visible(rows, snapshot.runs[place.run])
            for row in range where (visible?[row] ?? 1) == 1 {
                found.append(
                    (
                        SpanKey(start: starts[row], spanID: ids[row], kind: UInt8(truncatingIfNeeded: codes[row] & 15)),
                        place.run, TraceAssembly.Row(source: source, row: Int32(truncatingIfNeeded: row)), place
                    ))
            }
        }
        try add(own, rows, range, TracePlace(run: part.run, block: part.block, trace: -1))
        for place in elsewhere {
            do {
                guard let (other, trace) = try snapshot.open(place, id, &blocks) else { continue }
                let starts = try other.traceStarts()
                try add(assembly.add(other), other, Int(starts[trace])..<Int(starts[trace + 1]), place)
            } catch let error as SegmentDamage {
                snapshot.report(error)
                selection.count(damaged: 1)
            }
        }
        found.sort { $0.key != $1.key ? $0.key < $1.key : $0.run > $1.run }
        var places: [TracePlace] = []
        for at in found.indices where at == 0 || found[at - 1].key != found[at].key {
            assembly.append(found[at].row)
            places.append(found[at].place)
        }
        return places
    }

    /// The rows to be handed out.
    private func choose(
        _ assembly: TraceAssembly, _ passes: [ContiguousArray<UInt8>], _ places: [[TracePlace]]
    ) -> SelectedSpans {
        var chosen: ContiguousArray<Int32> = []
        var traceStarts: [Int] = []
        var traces: [Int] = []
        for trace in assembly.ids.indices {
            let range = assembly.range(trace)
            let passing = range.filter { row in passes.contains { $0[row] == 1 } }
            if passing.isEmpty { continue }
            let places = places[trace]
            if !places.isEmpty, request.grouping != .spans {
                // The first part with a passing span hands the trace out.
                let owner = passing.reduce(Int.max) { min($0, partNumber(places[$1 - range.lowerBound])) }
                if owner != number { continue }
            }
            let before = chosen.count
            switch request.grouping {
            case .wholeTraces: chosen.append(contentsOf: range.map { Int32(truncatingIfNeeded: $0) })
            case .matchesByTrace: chosen.append(contentsOf: passing.map { Int32(truncatingIfNeeded: $0) })
            case .spans:
                // Each part hands out its own rows.
                for row in passing
                where places.isEmpty || places[row - range.lowerBound].trace == -1 {
                    chosen.append(Int32(truncatingIfNeeded: row))
                }
            }
            if chosen.count > before, request.grouping != .spans {
                traceStarts.append(before)
                traces.append(trace)
            }
        }
        if request.grouping != .spans { traceStarts.append(chosen.count) }
        return SelectedSpans(
            assembly, rows: chosen, passes: passes, traceStarts: traceStarts, traces: traces, request)
    }

    private func partNumber(_ place: TracePlace) -> Int {
        if place.trace == -1 { return number }
        let key = place.block == nil ? place : TracePlace(run: place.run, block: place.block, trace: 0)
        return selection.partNumbers[key] ?? Int.max
    }
}
