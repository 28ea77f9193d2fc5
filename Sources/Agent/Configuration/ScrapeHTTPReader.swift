import Bedrock
import Formats

/// Decodes how targets are reached: credentials, TLS, redirects.
struct ScrapeHTTPReader {
    let directory: String

    func read(_ keys: YAMLMapping, _ place: String) -> ScrapeHTTP {
        var http = ScrapeHTTP()
        var given: [String] = []
        if let basic = keys["basic_auth"] {
            given.append("basic_auth")
            basic.mapping("\(place).basic_auth") { http.credentials = basicCredentials($0) }
        }
        if let authorization = keys["authorization"] {
            given.append("authorization")
            authorization.mapping("\(place).authorization") { http.credentials = authorizationCredentials($0) }
        }
        if let source = secret(keys, "bearer_token", file: "bearer_token_file") {
            given.append("bearer_token")
            http.credentials = .authorization(type: "Bearer", source)
        }
        if given.count > 1 { keys.note("at most one of \(given.joined(separator: " and ")) can be given") }
        if let tls = keys["tls_config"]?.mapping("\(place).tls_config", { self.tls($0) }) { http.tls = tls }
        http.followsRedirects = keys["follow_redirects"]?.bool ?? true
        http.asksForCompression = keys["enable_compression"]?.bool ?? true
        http.proxy = keys["proxy_url"]?.string
        return http
    }

    private func basicCredentials(_ keys: YAMLMapping) -> ScrapeHTTP.Credentials {
        keys.require("username")
        return .basic(
            user: keys["username"]?.string ?? "", password: secret(keys, "password", file: "password_file"))
    }

    private func authorizationCredentials(_ keys: YAMLMapping) -> ScrapeHTTP.Credentials {
        let type = keys["type"]?.string ?? "Bearer"
        if type.lowercased() == "basic" { keys.note("type Basic has a key of its own, basic_auth", at: "type") }
        guard let source = secret(keys, "credentials", file: "credentials_file") else {
            keys.note("\"credentials\" or \"credentials_file\" is missing here")
            return .none
        }
        return .authorization(type: type, source)
    }

    private func secret(_ keys: YAMLMapping, _ key: String, file fileKey: String) -> SecretSource? {
        let text = keys[key]?.string.map { SecretSource.text(Secret($0)) }
        let file = keys[fileKey]?.string.map { SecretSource.file(resolved($0)) }
        if text != nil && file != nil { keys.note("at most one of \(key) and \(fileKey) can be given") }
        return text ?? file
    }

    private func tls(_ keys: YAMLMapping) -> ScrapeTLS {
        var tls = ScrapeTLS()
        tls.authoritiesFile = keys["ca_file"]?.string.map(resolved)
        tls.certificateFile = keys["cert_file"]?.string.map(resolved)
        tls.keyFile = keys["key_file"]?.string.map(resolved)
        tls.serverName = keys["server_name"]?.string
        tls.skipsVerification = keys["insecure_skip_verify"]?.bool ?? false
        if (tls.certificateFile == nil) != (tls.keyFile == nil) {
            keys.note("cert_file and key_file belong together")
        }
        return tls
    }

    private func resolved(_ path: String) -> String { path.hasPrefix("/") ? path : Path.join(directory, path) }
}
