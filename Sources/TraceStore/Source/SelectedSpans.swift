import Bedrock
import Model

/// Rows of a part that a request wants. One thread at a time.
final class SelectedSpans: SpanBlock {
    private let assembly: TraceAssembly
    /// In the assembly.
    private let rows: ContiguousArray<Int32>
    private let masks: [UnsafeMutableBufferPointer<UInt8>]
    private let fields: Set<SpanField>
    let traceStarts: [Int]
    /// Of `traceStarts`, in the assembly.
    private let traces: [Int]
    private let isWhole: Bool
    private var keptStarts: UnsafeMutableBufferPointer<Int64>?
    private var keptParents: UnsafeMutableBufferPointer<Int32>?
    private var columns: [SpanField: SpanColumn] = [:]

    /// - Parameters:
    ///   - passes: for each filter, a byte for each of the assembly's rows.
    ///   - traceStarts: in `rows`.
    init(
        _ assembly: TraceAssembly, rows: ContiguousArray<Int32>, passes: [ContiguousArray<UInt8>],
        traceStarts: [Int], traces: [Int], _ request: SpanRequest
    ) {
        self.assembly = assembly
        self.rows = rows
        self.traceStarts = traceStarts
        self.traces = traces
        fields = Set(request.fields)
        isWhole = request.grouping == .wholeTraces
        masks = passes.map { mask in
            let kept = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: rows.count)
            for (at, row) in rows.enumerated() { kept.initializeElement(at: at, to: mask[Int(row)]) }
            return kept
        }
    }

    /// Nothing.
    convenience init(_ request: SpanRequest) {
        self.init(
            TraceAssembly(), rows: [], passes: request.filters.map { _ in [] },
            traceStarts: request.grouping == .spans ? [] : [0], traces: [], request)
    }

    deinit {
        for mask in masks { mask.deallocate() }
        keptStarts?.deallocate()
        keptParents?.deallocate()
    }

    var rowCount: Int { rows.count }

    func summary(_ index: Int) throws -> TraceSummary { try assembly.summary(traces[index]) }

    func passes(_ index: Int) -> UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(masks[index]) }

    func starts() throws -> UnsafeBufferPointer<Int64> {
        if let keptStarts { return UnsafeBufferPointer(keptStarts) }
        let all = try assembly.starts()
        let kept = UnsafeMutableBufferPointer<Int64>.allocate(capacity: rows.count)
        for (at, row) in rows.enumerated() { kept.initializeElement(at: at, to: all[Int(row)]) }
        keptStarts = kept
        return UnsafeBufferPointer(kept)
    }

    func parents() throws -> UnsafeBufferPointer<Int32> {
        if let keptParents { return UnsafeBufferPointer(keptParents) }
        let all = try assembly.parents()
        // With whole traces, their rows are all there, one behind the other.
        var place = ContiguousArray<Int32>(repeating: -1, count: assembly.rowCount)
        for (at, row) in rows.enumerated() { place[Int(row)] = Int32(truncatingIfNeeded: at) }
        let kept = UnsafeMutableBufferPointer<Int32>.allocate(capacity: rows.count)
        for (at, row) in rows.enumerated() {
            let parent = isWhole ? all[Int(row)] : -1
            kept.initializeElement(at: at, to: parent < 0 ? -1 : place[Int(parent)])
        }
        keptParents = kept
        return UnsafeBufferPointer(kept)
    }

    func column(_ field: SpanField) throws -> SpanColumn {
        if let known = columns[field] { return known }
        guard fields.contains(field) else { throw SpanFieldError(field: field) }
        let all = try assembly.column(field)
        let made: SpanColumn
        if rows.count == assembly.rowCount {
            made = all
        } else {
            let gather = ColumnGather(rowCount: rows.count, isMany: all.starts != nil)
            gather.append(rows, of: all)
            made = gather.finish()
        }
        columns[field] = made
        return made
    }
}

/// A column that the request did not announce.
struct SpanFieldError: Error, CustomStringConvertible {
    let field: SpanField
    var description: String { "\(field) is not among the fields of the request" }
}
