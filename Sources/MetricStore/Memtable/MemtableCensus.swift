import Bedrock
import Model

extension MetricMemtable {
    /// Series of a tenant that this memtable knows, idle ones of the one before included. Thread-safe.
    public func seriesCount(of tenant: Tenant) -> Int { tenantTable(tenant)?.heads.count ?? 0 }

    /// Whether the series with these canonical label bytes is known. Thread-safe.
    public func holds(_ labels: UnsafeRawBufferPointer, tenant: Tenant) -> Bool {
        tenantTable(tenant)?.index.find(labels, hash: Hash128(of: labels)) != nil
    }
}
