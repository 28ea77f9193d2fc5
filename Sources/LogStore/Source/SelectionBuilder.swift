import Bedrock
import Columns
import LSM
import Model

/// Gathers the parts of a selection, run by run. Used within one `select`.
final class SelectionBuilder {
    let request: LogRequest
    let report: @Sendable (SegmentDamage) -> Void
    /// Nanoseconds, both included.
    var first = Int64.max
    var last = Int64.min
    private var parts: [SelectionPart] = []
    private var streams: [Labels] = []
    private var streamNumbers: [Labels: Int] = [:]
    private let counters = ScanCounters()
    private let needsRows: Bool

    init(_ request: LogRequest, report: @escaping @Sendable (SegmentDamage) -> Void) {
        self.request = request
        self.report = report
        needsRows = !request.filters.isEmpty || !request.metadataMatchers.isEmpty
    }

    func add(_ run: StoredRun) throws {
        switch run.storage {
        case .segment(let segment, let handle):
            do { try add(segment, handle, run.hides) } catch let error as SegmentDamage { report(error) }
        case .memtable(let pin, let table): add(pin, table, run.hides)
        }
    }

    private func add(_ segment: LogSegment, _ handle: SegmentHandle<LogFormat>?, _ hides: [LogHide]) throws {
        let index = try segment.index()
        for damage in index.damages { report(damage) }
        let matched = segment.streams(request.matchers, index)
        guard matched.count > 0 else { return }
        counters.add(segments: 1)
        let verdicts = request.filters.isEmpty ? nil : try segment.lineDictionary().compile(request.filters)
        var numbers = [Int](repeating: -1, count: index.labels.count)
        for (position, block) in index.blocks.enumerated() {
            let hasMetadata = block.hasMetadata
            if position % 256 == 0 { try request.cancellation.check() }
            var part = SelectionPart(.segment(segment, index, position, handle))
            part.verdicts = verdicts
            let mayMatch = verdicts?.mayMatch(block: index.blockNumbers[position]) ?? true
            if mayMatch && block.lastTime >= first && block.firstTime <= last {
                for run in block.runs where run.lastTime >= first && run.firstTime <= last {
                    let stream = Int(run.stream)
                    guard matched.passes[stream], let labels = index.labels[stream] else { continue }
                    if numbers[stream] < 0 { numbers[stream] = self.stream(labels) }
                    let rows = Int(run.firstRow)..<Int(run.firstRow) + Int(run.rowCount)
                    add(
                        LogRun(
                            stream: numbers[stream], rows: rows, firstTime: run.firstTime, lastTime: run.lastTime,
                            lineBytes: run.lineBytes, isExact: false, hasMetadata: hasMetadata), labels, hides,
                        to: &part)
                }
            }
            counters.add(blocks: 1, pruned: part.runs.isEmpty ? 1 : 0)
            if !part.runs.isEmpty { parts.append(part) }
        }
    }

    private func add(_ pin: LogMemtablePin, _ table: LogStreamTable, _ hides: [LogHide]) {
        let matcher = StreamMatcher(request.matchers)
        var spans: [LogMemtablePin.Span] = []
        var part = SelectionPart(.memtable(pin.memtable, []))
        var rows = 0
        func endPart() {
            guard !spans.isEmpty else { return }
            part.place = .memtable(pin.memtable, spans)
            if !part.runs.isEmpty { parts.append(part) }
            counters.add(blocks: 1, pruned: part.runs.isEmpty ? 1 : 0)
            part = SelectionPart(.memtable(pin.memtable, []))
            spans = []
            rows = 0
        }
        for number in 0..<table.streams.count {
            let stream = table.streams.pointer(number)
            guard matcher.matches(stream.pointee.labels) else { continue }
            let own = pin.spans(stream, first: first, last: last, rowsMax: LogStoreLimits.memtablePartRowsMax)
            for span in own {
                if rows + span.rowCount > LogStoreLimits.memtablePartRowsMax { endPart() }
                add(
                    LogRun(
                        stream: self.stream(stream.pointee.labels), rows: rows..<rows + span.rowCount,
                        firstTime: span.firstTime, lastTime: span.lastTime, lineBytes: span.lineBytes, isExact: false,
                        hasMetadata: needsRows || span.hasMetadata),
                    stream.pointee.labels, hides, to: &part)
                spans.append(span)
                rows += span.rowCount
            }
        }
        endPart()
    }

    /// Adds a run, unless deletes hide all of it.
    private func add(
        _ run: LogRun, _ labels: UnsafeRawBufferPointer, _ hides: [LogHide], to part: inout SelectionPart
    ) {
        var run = run
        let own = hides.filter { $0.overlaps(run.firstTime, through: run.lastTime) && $0.matches(labels) }
        if own.contains(where: { $0.covers(run.firstTime, through: run.lastTime) }) { return }
        run.isExact = !needsRows && own.isEmpty && run.firstTime >= first && run.lastTime <= last
        if !own.isEmpty { part.hides[part.runs.count] = own }
        part.runs.append(run)
    }

    private func stream(_ labels: UnsafeRawBufferPointer) -> Int {
        let labels = Labels(canonical: labels)
        if let known = streamNumbers[labels] { return known }
        streamNumbers[labels] = streams.count
        streams.append(labels)
        return streams.count - 1
    }

    func finish() -> StoreSelection {
        // Numbers so far are in the order of discovery.
        let order = streams.indices.sorted { streams[$0] < streams[$1] }
        var rank = [Int](repeating: 0, count: order.count)
        for (position, number) in order.enumerated() { rank[number] = position }
        for part in parts.indices {
            for run in parts[part].runs.indices { parts[part].runs[run].stream = rank[parts[part].runs[run].stream] }
        }
        return StoreSelection(
            streams: order.map { streams[$0] }, parts: parts, request: request, first: first, last: last,
            counters: counters, report: report)
    }
}
