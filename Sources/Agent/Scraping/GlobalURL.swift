/// A target's URL as seen from another machine.
enum GlobalURL {
    /// Loopback addresses become `hostName`; everything else stays.
    static func of(_ url: String, hostName: String) -> String {
        for scheme in ["http://", "https://"] where url.hasPrefix(scheme) && !hostName.isEmpty {
            let rest = url.dropFirst(scheme.count)
            for loopback in ["localhost", "127.0.0.1", "[::1]"] where rest.hasPrefix(loopback) {
                let behind = rest.dropFirst(loopback.count)
                guard let next = behind.first, !":/?".contains(next) else { return scheme + hostName + behind }
            }
        }
        return url
    }
}
