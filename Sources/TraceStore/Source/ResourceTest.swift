import Bedrock
import Model

/// What filters say of resources alone: told once a resource, it spares reading the spans of most traces that are only in memory. One thread at a time.
final class ResourceTest {
    private let filter: SpanFilter
    /// By number in the table; 2: not asked yet.
    private var verdicts: ContiguousArray<UInt8> = []

    /// Nil where some filter may pass whatever the resource is.
    init?(_ filters: [SpanFilter]) {
        var parts: [SpanFilter] = []
        for filter in filters {
            guard let part = Self.necessary(filter) else { return nil }
            parts.append(part)
        }
        filter = .any(parts)
    }

    /// What the resource of a passing span must be like; nil: anything.
    private static func necessary(_ filter: SpanFilter) -> SpanFilter? {
        switch filter {
        case .nothing: return .nothing
        case .condition(let condition):
            if case .attribute(.resource, _) = condition.field { return filter }
            return nil
        case .all(let parts):
            let known = parts.compactMap(necessary)
            return known.isEmpty ? nil : .all(known)
        case .any(let parts):
            let known = parts.compactMap(necessary)
            return known.count == parts.count ? .any(known) : nil
        case .everything, .not: return nil
        }
    }

    /// Whether spans of resource `number` of the table may pass.
    func mayPass(_ number: Int32, _ table: SpanTable) throws -> Bool {
        while verdicts.count <= Int(number) { verdicts.append(2) }
        if verdicts[Int(number)] == 2 {
            let attributes = try ResourceBytes(table.resources.pointer(Int(number)).pointee.bytes).attributes
            let passes = try filter.evaluate(rowCount: 1) { field in
                guard case .attribute(_, let name) = field else { throw FieldNeedsTrace() }
                return SpanColumn.of(1) { _ in attribute(Array(name.utf8), in: attributes) }
            }
            verdicts[Int(number)] = passes[0]
        }
        return verdicts[Int(number)] == 1
    }
}
