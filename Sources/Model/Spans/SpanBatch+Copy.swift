import Bedrock

extension SpanBatch {
    /// Adds the rows of another batch that `isWanted`, with their resources and scopes, copied. Without any, nothing is added.
    public func append(_ other: SpanBatch, where isWanted: (Int) -> Bool = { _ in true }) {
        var resources = [Int32](repeating: -1, count: other.resources.count)
        var scopes = [Int32](repeating: -1, count: other.scopes.count)
        other.withArena { arena in
            for (index, source) in other.rows.enumerated() where isWanted(index) {
                var row = source
                if resources[Int(row.resource)] < 0 {
                    resources[Int(row.resource)] = append(other.resources[Int(row.resource)], from: arena)
                }
                if scopes[Int(row.scope)] < 0 {
                    scopes[Int(row.scope)] = append(other.scopes[Int(row.scope)], from: arena)
                }
                row.resource = resources[Int(row.resource)]
                row.scope = scopes[Int(row.scope)]
                row.name = write(arena[row.name])
                row.statusMessage = write(arena[row.statusMessage])
                row.traceState = write(arena[row.traceState])
                row.attributes = write(arena[row.attributes])
                row.events = write(arena[row.events])
                row.links = write(arena[row.links])
                append(row)
            }
        }
    }

    private func append(_ resource: Resource, from arena: UnsafeRawBufferPointer) -> Int32 {
        var copy = resource
        copy.attributes = write(arena[resource.attributes])
        copy.schemaURL = write(arena[resource.schemaURL])
        return append(copy)
    }

    private func append(_ scope: Scope, from arena: UnsafeRawBufferPointer) -> Int32 {
        var copy = scope
        copy.name = write(arena[scope.name])
        copy.version = write(arena[scope.version])
        copy.attributes = write(arena[scope.attributes])
        copy.schemaURL = write(arena[scope.schemaURL])
        return append(copy)
    }
}
