import Model
import Synchronization

/// The newest timestamp each tenant has written. Thread-safe.
final class TenantWatermarks: Sendable {
    private struct State {
        var newest: [Tenant: Int64] = [:]
        /// Admitted, but without a stored sample yet; they count, too.
        var reserved: Set<Tenant> = []
    }

    private let state = Mutex(State())
    private let tenantsMax: Int

    init(tenantsMax: Int) { self.tenantsMax = tenantsMax }

    /// The newest so far, or nil for a tenant that has written nothing.
    func newest(_ tenant: Tenant) -> Int64? { state.withLock { $0.newest[tenant] } }

    /// Notes an accepted timestamp.
    func advance(_ tenant: Tenant, to timestamp: Int64) {
        state.withLock { state in
            if let known = state.newest[tenant], known >= timestamp { return }
            state.newest[tenant] = timestamp
            state.reserved.remove(tenant)
        }
    }

    /// Whether a batch of this tenant may come in at all.
    func admits(_ tenant: Tenant) -> Bool {
        state.withLock { state in
            if state.newest[tenant] != nil || state.reserved.contains(tenant) { return true }
            guard state.newest.count + state.reserved.count < tenantsMax else { return false }
            state.reserved.insert(tenant)
            return true
        }
    }
}
