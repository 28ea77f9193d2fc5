import Model

/// Fields of spans, looked up one span at a time in a list of all spans.
public struct SpanFacts: Sendable {
    public let spans: [TestSpan]
    /// Numbers of the spans of each trace, by start and span id.
    public let members: [TraceID: [Int]]
    /// Of each span the number of its parent.
    public let parents: [Int?]
    private let nested: [(left: Int64, right: Int64, parent: Int64)]

    public init(_ spans: [TestSpan]) {
        self.spans = spans
        var members: [TraceID: [Int]] = [:]
        for (index, span) in spans.enumerated() { members[span.traceID, default: []].append(index) }
        for id in members.keys {
            members[id]?.sort { (spans[$0].start, spans[$0].spanID) < (spans[$1].start, spans[$1].spanID) }
        }
        self.members = members
        var parents = [Int?](repeating: nil, count: spans.count)
        for (index, span) in spans.enumerated() where !span.parentID.isZero {
            parents[index] = members[span.traceID]?.first { spans[$0].spanID == span.parentID && $0 != index }
        }
        self.parents = parents
        var nested = [(left: Int64, right: Int64, parent: Int64)](repeating: (0, 0, 0), count: spans.count)
        for rows in members.values {
            var counter: Int64 = 0
            func visit(_ index: Int, _ parent: Int64) {
                counter += 1
                nested[index].left = counter
                nested[index].parent = parent
                for child in rows where parents[child] == index { visit(child, nested[index].left) }
                counter += 1
                nested[index].right = counter
            }
            for row in rows where spans[row].parentID.isZero { visit(row, -1) }
        }
        self.nested = nested
    }

    public func summary(_ id: TraceID) -> TraceSummary {
        let rows = members[id] ?? []
        let root = rows.first { spans[$0].parentID.isZero }
        var service: String?
        if let root, case .string(let name)? = spans[root].resource["service.name"] { service = name }
        return TraceSummary(
            id: id, start: rows.map { spans[$0].start }.min() ?? 0, end: rows.map { spans[$0].end }.max() ?? 0,
            spanCount: rows.count, errorCount: rows.count { spans[$0].status == .error },
            rootName: root.map { spans[$0].name }, rootServiceName: service)
    }

    /// All values of a field; without one it is missing.
    public func values(_ field: SpanField, _ index: Int) -> [SpanValue] {
        let span = spans[index]
        switch field {
        case .attribute(.span, let name): return Self.flat(span.attributes[name])
        case .attribute(.resource, let name): return Self.flat(span.resource[name])
        case .attribute(.instrumentation, let name): return Self.flat(span.scopeAttributes[name])
        case .attribute(.any, let name): return Self.flat(span.attributes[name] ?? span.resource[name])
        case .attribute(.event, let name): return span.events.flatMap { Self.flat($0.attributes[name]) }
        case .attribute(.link, let name): return span.links.flatMap { Self.flat($0.attributes[name]) }
        case .intrinsic(let intrinsic): return values(intrinsic, span, index)
        }
    }

    private func values(_ intrinsic: SpanIntrinsic, _ span: TestSpan, _ index: Int) -> [SpanValue] {
        switch intrinsic {
        case .name: return [.string(span.name)]
        case .status: return [.status(span.status)]
        case .statusMessage: return [.string(span.statusMessage)]
        case .kind: return [.kind(span.kind)]
        case .duration: return [.duration(span.duration)]
        case .spanID: return [.string(span.spanID.description)]
        case .parentID: return [.string(span.parentID.isZero ? "" : span.parentID.description)]
        case .start: return [.int(span.start)]
        case .scopeName: return [.string(span.scopeName)]
        case .scopeVersion: return [.string(span.scopeVersion)]
        case .eventName: return span.events.map { .string($0.name) }
        case .eventTimeSinceStart: return span.events.map { .duration($0.timeSinceStart) }
        case .linkTraceID: return span.links.map { .string($0.traceID.description) }
        case .linkSpanID: return span.links.map { .string($0.spanID.description) }
        case .traceID: return [.string(span.traceID.description)]
        case .traceDuration:
            let summary = summary(span.traceID)
            return [.duration(summary.end - summary.start)]
        case .rootName: return summary(span.traceID).rootName.map { [.string($0)] } ?? []
        case .rootServiceName: return summary(span.traceID).rootServiceName.map { [.string($0)] } ?? []
        case .childCount: return [.int(Int64((members[span.traceID] ?? []).count { parents[$0] == index }))]
        case .nestedSetLeft: return [.int(nested[index].left)]
        case .nestedSetRight: return [.int(nested[index].right)]
        case .nestedSetParent: return [.int(nested[index].parent)]
        }
    }

    private static func flat(_ value: AttributeValue?) -> [SpanValue] {
        switch value {
        case .string(let text)?: [.string(text)]
        case .bool(let flag)?: [.bool(flag)]
        case .int(let number)?: [.int(number)]
        case .double(let number)?: [.float(number)]
        case .array(let elements)?: elements.flatMap { flat($0) }
        case .empty?, .bytes?, .map?, nil: []
        }
    }

    // MARK: Conditions

    public func passes(_ filter: SpanFilter, _ index: Int) -> Bool {
        switch filter {
        case .everything: true
        case .nothing: false
        case .all(let parts): parts.allSatisfy { passes($0, index) }
        case .any(let parts): parts.contains { passes($0, index) }
        case .not(let part): !passes(part, index)
        case .condition(let condition): passes(condition, index)
        }
    }

    private func passes(_ condition: SpanCondition, _ index: Int) -> Bool {
        let found = values(condition.field, index)
        switch condition.test {
        case .isTrue: return found.contains(.bool(true))
        case .isNil: return found.isEmpty
        case .isNotNil: return !found.isEmpty
        case .matches(let regex, let isNegated):
            let hits = found.map { value -> Bool in
                guard case .string(let text) = value else { return false }
                return regex.matches(text) != isNegated
            }
            return isNegated ? !hits.isEmpty && hits.allSatisfy { $0 } : hits.contains(true)
        case .compare(let op, let wanted):
            let hits = found.map { Self.compare($0, op, wanted) }
            return op == .notEqual ? !hits.isEmpty && hits.allSatisfy { $0 } : hits.contains(true)
        }
    }

    /// As single values compare.
    public static func compare(_ a: SpanValue, _ op: SpanCondition.Comparison, _ b: SpanValue) -> Bool {
        switch (a, b) {
        case (.string(let x), .string(let y)): return holds(op, x == y, x < y)
        case (.bool(let x), .bool(let y)): return equality(op, x == y)
        case (.status(let x), .status(let y)): return equality(op, x == y)
        case (.kind(let x), .kind(let y)): return equality(op, x == y)
        default:
            if let x = whole(a), let y = whole(b) { return holds(op, x == y, x < y) }
            guard let x = number(a), let y = number(b) else { return false }
            if x.isNaN || y.isNaN { return op == .notEqual }
            return holds(op, x == y, x < y)
        }
    }

    private static func holds(_ op: SpanCondition.Comparison, _ isEqual: Bool, _ isLess: Bool) -> Bool {
        switch op {
        case .equal: isEqual
        case .notEqual: !isEqual
        case .less: isLess
        case .lessOrEqual: isLess || isEqual
        case .greater: !isLess && !isEqual
        case .greaterOrEqual: !isLess
        }
    }

    private static func equality(_ op: SpanCondition.Comparison, _ isEqual: Bool) -> Bool {
        op == .equal ? isEqual : op == .notEqual && !isEqual
    }

    private static func whole(_ value: SpanValue) -> Int64? {
        switch value {
        case .int(let number), .duration(let number): number
        default: nil
        }
    }

    public static func number(_ value: SpanValue) -> Double? {
        switch value {
        case .int(let number), .duration(let number): Double(number)
        case .float(let number): number
        default: nil
        }
    }
}
