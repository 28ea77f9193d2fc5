import Model
import Transport

/// The tenant that a request names, for whoever answers queries.
public enum TenantHeader {
    /// The default tenant when the header is missing; nil when it is not a valid name.
    public static func tenant(_ headers: HTTPHeaders) -> Tenant? { try? OriginHeaders.origin(headers).tenant }
}
