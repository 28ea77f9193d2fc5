import Synchronization

/// Decoders and their buffers, kept from request to request; one request at a time has one. Thread-safe.
final class WorkspacePool<Workspace: AnyObject & Sendable>: Sendable {
    private let free = Mutex<[Workspace]>([])
    private let make: @Sendable () -> Workspace
    private static var workspacesMax: Int { 8 }

    init(_ make: @escaping @Sendable () -> Workspace) { self.make = make }

    func take() -> Workspace { free.withLock { $0.popLast() } ?? make() }

    func give(_ workspace: Workspace) {
        free.withLock { if $0.count < Self.workspacesMax { $0.append(workspace) } }
    }
}

/// A decoder as a workspace, for protocols that need nothing beside it. One request at a time has it.
final class DecoderWorkspace<Decoder: ~Copyable>: @unchecked Sendable {
    var decoder: Decoder

    init(_ decoder: consuming Decoder) { self.decoder = decoder }
}
