import Bedrock
import Model

/// A label's name, looked up once for a pipeline.
public struct LogLabelKey: Hashable, Sendable {
    let id: Int32
}

/// Takes rows through the stages of a plan: one row in, nothing or one row out, with its line, its labels by category, and its number. Allocates
/// nothing from row to row, but where a template uses expressions, lists and maps, or a line has names never seen before. Not thread-safe.
///
/// Its classes keep their state in properties without exclusivity checks, which took two fifths of the time: each has one owner, and none calls
/// back into its caller.
///
/// ```
/// pipeline.setStream(labels)
/// if pipeline.process(timestamp: t, line: line, metadata: metadata) { pipeline.line … pipeline.appendLabels(…) }
/// ```
public final class LogPipeline {
    private enum Stage {
        case lineFilter(LinePredicate)
        case json(JSONExtractor)
        case jsonPaths(JSONPathExtractor)
        case logfmt(LogfmtExtractor)
        case logfmtKeys(LogfmtKeyExtractor)
        case regexp(RegexpExtractor)
        case pattern(PatternExpression, [Int32])
        case unpack(UnpackExtractor)
        case labelFilter(LabelCondition)
        case lineFormat(RowTemplate)
        case labelFormat(LabelFormatter)
        case decolorize
        case drop(LabelSelector)
        case keep(LabelSelector)
        case unwrap(Unwrapper)
    }

    private let plan: LogPipelinePlan
    private let names = LabelNames()
    private let row: RowLabels
    private let arena = ScratchArena()
    private let context: TemplateContext
    @exclusivity(unchecked) private var stages: ContiguousArray<Stage> = []
    @exclusivity(unchecked) private var pending: PendingNames

    /// The line of the row that came out; valid until the next row.
    @exclusivity(unchecked) public private(set) var line = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The number that `unwrap` gave; nil without such a stage.
    @exclusivity(unchecked) public private(set) var sample: Double?

    public init(_ plan: LogPipelinePlan) {
        self.plan = plan
        row = RowLabels(names)
        context = TemplateContext(clock: plan.clock, arena: arena)
        let names = names
        pending = PendingNames(
            plan.wanted.names.map { $0.map { names.pin($0) } }, needsErrors: plan.wanted.needsErrors)
        for stage in plan.stages { if let built = build(stage) { stages.append(built) } }
    }

    /// nil for a stage that has nothing to do, as nobody looks at what it gives.
    private func build(_ stage: PlannedStage) -> Stage? {
        let wanted = plan.wanted
        switch stage {
        case .lineFilter(let predicate): return .lineFilter(predicate)
        case .json: return wanted.isNothing ? nil : .json(JSONExtractor(names, wanted: wanted))
        case .jsonPaths(let paths):
            let fields = paths.map { (id: names.pin($0.label), path: $0.path) }
            return wanted.isNothing ? nil : .jsonPaths(JSONPathExtractor(paths: fields))
        case .logfmt(let options):
            return wanted.isNothing ? nil : .logfmt(LogfmtExtractor(names, wanted: wanted, options: options))
        case .logfmtKeys(let keys, let options):
            let fields = keys.map { (id: names.pin($0.label), key: $0.key) }
            return wanted.isNothing ? nil : .logfmtKeys(LogfmtKeyExtractor(fields, options: options))
        case .regexp(let expression):
            return wanted.isWanted(any: expression.groups.map(\.name))
                ? .regexp(RegexpExtractor(expression, names)) : nil
        case .pattern(let expression):
            return wanted.isWanted(any: expression.names)
                ? .pattern(expression, expression.names.map { names.pin($0) }) : nil
        case .unpack: return .unpack(UnpackExtractor(names, wanted: wanted))
        case .labelFilter(let filter):
            // The plan has checked what could fail.
            return (try? LabelCondition(filter, names)).map { .labelFilter($0) }
        case .lineFormat(let template): return .lineFormat(RowTemplate(template, row, context))
        case .labelFormat(let formats): return .labelFormat(LabelFormatter(formats, row, context))
        case .decolorize: return .decolorize
        case .drop(let selections): return .drop(LabelSelector(selections, names))
        case .keep(let selections): return .keep(LabelSelector(selections, names))
        case .unwrap(let stage): return .unwrap(Unwrapper(id: names.pin(stage.label), conversion: stage.conversion))
        }
    }

    // MARK: Rows

    /// The key for a name, valid for this pipeline for good. To be asked between rows: the labels of the last one are void then.
    public func key(_ name: String) -> LogLabelKey { LogLabelKey(id: names.pin(name)) }

    /// The stream of the rows to come: canonical label bytes, copied.
    public func setStream(_ labels: UnsafeRawBufferPointer) { row.setStream(labels) }

    /// Takes one row through the stages.
    /// - Parameters:
    ///   - timestamp: nanoseconds since the epoch.
    ///   - line: to stay valid until the next row.
    ///   - metadata: canonical label bytes, to stay valid until the next row.
    /// - Returns: whether the row is kept.
    public func process(
        timestamp: Int64, line: UnsafeRawBufferPointer,
        metadata: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) -> Bool {
        // Nothing but filters looks at a row that they drop.
        for i in 0..<plan.leadingFilterCount {
            guard case .lineFilter(let predicate) = stages[i], predicate.passes(line) else { return false }
        }
        if names.isFull { names.forgetUnpinned() }
        arena.reset()
        row.begin(metadata: metadata)
        self.line = line
        sample = nil
        context.timestamp = timestamp
        for i in plan.leadingFilterCount..<stages.count where !apply(i) { return false }
        return true
    }

    /// False when the row is dropped.
    private func apply(_ index: Int) -> Bool {
        switch stages[index] {
        case .lineFilter(let predicate): return predicate.passes(line)
        case .json(let extractor): if pending.begin(row) { extractor.extract(line, row, arena, &pending) }
        case .jsonPaths(let extractor): extractor.extract(line, row, arena)
        case .logfmt(let extractor): if pending.begin(row) { extractor.extract(line, row, arena, &pending) }
        case .logfmtKeys(let extractor): extractor.extract(line, row, arena)
        case .regexp(let extractor): extractor.extract(line, row)
        case .pattern(let expression, let ids):
            expression.forEachCapture(line) { number, value in
                if let target = row.target(ids[number]) { row.setExtracted(target, value) }
            }
        case .unpack(let extractor): line = extractor.extract(line, row, arena)
        case .labelFilter(let condition): return condition.passes(row, arena)
        case .lineFormat(let template): format(template)
        case .labelFormat(let formatter):
            context.line = line
            formatter.apply(row, arena)
        case .decolorize: line = Decolorize.strip(line, arena)
        case .drop(let selector): selector.drop(row)
        case .keep(let selector): selector.keep(row)
        case .unwrap(let unwrapper):
            sample = unwrapper.value(row, arena)
            return sample != nil
        }
        return true
    }

    private func format(_ template: RowTemplate) {
        context.line = line
        do throws(TemplateFailure) {
            line = try template.run()
        } catch {
            row.setError(.template, details: arena.copy(error.message))
        }
    }

    // MARK: What came out

    /// What `__error__` says of the row; nil without one.
    public var error: PipelineErrorKind? { row.error }

    /// What `__error_details__` says of the row.
    public var errorDetails: UnsafeRawBufferPointer { row.errorDetails }

    /// Whether the row still has all labels of its stream, as they are, so that a caller needs no look at each.
    public var hasAllStreamLabels: Bool { !row.isStreamChanged }

    /// The value of a label of the row, nil when it has none; valid until the next row.
    @inline(__always)
    public func value(_ key: LogLabelKey) -> UnsafeRawBufferPointer? { row.shownValue(key.id) }

    /// Calls `body` for each label of the row by name, with name, value and category; the bytes are valid until the next row. Values may be empty.
    /// Errors are labels, too: `__error__` and `__error_details__`, parsed.
    public func forEachLabel(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer, LabelCategory) -> Void) {
        row.forEachSorted { body(names.name($0), $1, $2) }
    }

    /// Appends the row's labels of the given categories: as canonical label bytes, sorted and unique, but that values may be empty.
    public func appendLabels(_ categories: LabelCategories = .all, to out: inout ByteBuffer) {
        row.forEachSorted { id, value, category in
            guard categories.contains(LabelCategories(category)) else { return }
            out.append(prefixed: names.name(id))
            out.append(prefixed: value)
        }
    }

    /// Bytes of memory held, for budgets.
    public var memoryBytes: Int { arena.allocatedBytes + names.memoryBytes }
}
