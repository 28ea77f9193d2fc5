import Bedrock
import LSM
import Model

/// Which blocks of a segment may have a span that passes a filter, by what the index knows. Immutable.
struct BlockPruner {
    private indirect enum Node {
        case always
        case never
        /// One of the block's names, resources is among these.
        case names([Bool])
        case resources([Bool])
        case scopes([Bool])
        /// Something takes longer than so many nanoseconds.
        case durationOver(Int64)
        /// The block has a chunk of one of these columns.
        case columns(Set<Int>)
        case all([Node])
        case any([Node])
    }

    private let root: Node

    init(_ filters: [SpanFilter], _ index: TraceIndex) {
        root = Self.any(filters.map { Self.compile($0, index) })
    }

    var isNever: Bool { if case .never = root { true } else { false } }

    func mayPass(_ entry: BlockEntry) -> Bool { Self.mayPass(root, entry) }

    private static func mayPass(_ node: Node, _ entry: BlockEntry) -> Bool {
        switch node {
        case .always: true
        case .never: false
        case .names(let verdicts): entry.names.contains { verdicts[Int($0)] }
        case .resources(let verdicts): entry.resources.contains { verdicts[Int($0)] }
        case .scopes(let verdicts): entry.scopes.contains { verdicts[Int($0)] }
        case .durationOver(let limit): entry.durationMax > limit
        case .columns(let wanted): entry.chunks.contains { wanted.contains($0.column) }
        case .all(let parts): parts.allSatisfy { mayPass($0, entry) }
        case .any(let parts): parts.contains { mayPass($0, entry) }
        }
    }

    private static func any(_ parts: [Node]) -> Node {
        var kept: [Node] = []
        for part in parts {
            if case .always = part { return .always }
            if case .never = part { continue }
            kept.append(part)
        }
        return kept.isEmpty ? .never : kept.count == 1 ? kept[0] : .any(kept)
    }

    private static func all(_ parts: [Node]) -> Node {
        var kept: [Node] = []
        for part in parts {
            if case .never = part { return .never }
            if case .always = part { continue }
            kept.append(part)
        }
        return kept.isEmpty ? .always : kept.count == 1 ? kept[0] : .all(kept)
    }

    private static func compile(_ filter: SpanFilter, _ index: TraceIndex) -> Node {
        switch filter {
        case .everything: return .always
        case .nothing: return .never
        // What doesn't pass may be anywhere.
        case .not: return .always
        case .all(let parts): return all(parts.map { compile($0, index) })
        case .any(let parts): return any(parts.map { compile($0, index) })
        case .condition(let condition): return compile(condition, index)
        }
    }

    private static func compile(_ condition: SpanCondition, _ index: TraceIndex) -> Node {
        let test = SpanConditionTest(condition)
        switch condition.field {
        case .intrinsic(.name):
            return verdicts((0..<index.names.count).map { test.passes(text: index.names[$0]) }, Node.names)
        case .intrinsic(.duration):
            switch condition.test {
            case .compare(.greater, .duration(let limit)), .compare(.greater, .int(let limit)):
                return .durationOver(limit)
            case .compare(.greaterOrEqual, .duration(let limit)), .compare(.equal, .duration(let limit)),
                .compare(.greaterOrEqual, .int(let limit)), .compare(.equal, .int(let limit)):
                return limit == .min ? .always : .durationOver(limit - 1)
            default: return .always
            }
        case .attribute(.resource, let key): return resource(key, test, index)
        case .attribute(.span, let key): return span(key, test, index)
        case .attribute(.any, let key): return any([span(key, test, index), resource(key, test, index)])
        default: return .always
        }
    }

    private static func verdicts(_ found: [Bool], _ node: ([Bool]) -> Node) -> Node {
        if !found.contains(true) { return .never }
        return found.contains(false) ? node(found) : .always
    }

    private static func resource(_ key: String, _ test: SpanConditionTest, _ index: TraceIndex) -> Node {
        let key = Array(key.utf8)
        return verdicts(
            (0..<index.resources.count).map { number in
                guard let resource = try? ResourceBytes(index.resources[number]) else { return true }
                guard let value = attribute(key, in: resource.attributes) else { return test.passes(.nil) }
                return mayPass(value, test)
            }, Node.resources)
    }

    private static func mayPass(_ value: AttributeBytes, _ test: SpanConditionTest) -> Bool {
        switch value.type {
        case .string: test.passes(text: value.payload)
        case .bool: test.passes(.bool(value.bool))
        case .int: test.passes(.int(value.int))
        case .double: test.passes(.float(value.double))
        case .empty: test.passes(.nil)
        case .array, .map, .bytes: true
        }
    }

    private static func span(_ key: String, _ test: SpanConditionTest, _ index: TraceIndex) -> Node {
        // Spans without it.
        if test.passes(.nil) { return .always }
        if index.columns.contains(where: { $0.role == .rest }) { return .always }
        var wanted: Set<Int> = []
        for number in index.attributes[Array(key.utf8), default: []] {
            let column = index.columns[number]
            if column.type == .string, !column.isLocal,
                !(0..<column.values.count).contains(where: { test.passes(text: column.values[$0]) })
            {
                continue
            }
            wanted.insert(BlockColumn.firstAttribute + number)
        }
        return wanted.isEmpty ? .never : .columns(wanted)
    }
}

extension StoredBlock {
    /// Whether a filter may pass in this block, as its own filter over texts tells. Reads that chunk only where it may help.
    func mayPass(_ filter: SpanFilter) throws -> Bool {
        switch filter {
        case .everything, .not: return true
        case .nothing: return false
        case .all(let parts): return try parts.allSatisfy { try mayPass($0) }
        case .any(let parts): return try parts.contains { try mayPass($0) }
        case .condition(let condition):
            guard case .attribute(.span, let key) = condition.field,
                case .compare(.equal, .string(let text)) = condition.test
            else { return true }
            if index.columns.contains(where: { $0.role == .rest }) { return true }
            let bytes = Array(text.utf8)
            return try bytes.withUnsafeBytes { bytes in
                for number in index.attributes[Array(key.utf8), default: []] {
                    let column = index.columns[number]
                    guard column.type == .string else {
                        if column.type == .array { return true }
                        continue
                    }
                    if (0..<column.values.count).contains(where: { compareMemory(column.values[$0], bytes) == 0 }) {
                        return true
                    }
                    if try mayHave(bytes, column: number) { return true }
                }
                return false
            }
        }
    }
}
