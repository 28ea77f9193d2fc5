import Bedrock
import Formats

/// The servers a person works with, by name, from `~/.config/obsq/config.yaml`:
///
///     current: local
///     contexts:
///       local:
///         server: http://127.0.0.1:7070
///       production:
///         server: https://obs.example.com
///         token_file: ~/.config/obsq/token
///         tenant: shop
///         ca_file: /etc/ssl/example.pem
public struct ContextFile: Equatable, Sendable {
    public var current: String?
    /// In the order of the file.
    public var contexts: [(name: String, context: ServerContext)] = []

    public init() {}

    public static func == (a: ContextFile, b: ContextFile) -> Bool {
        a.current == b.current
            && a.contexts.elementsEqual(b.contexts) { $0.name == $1.name && $0.context == $1.context }
    }

    /// Reads the file's text; `home` stands for `~`. Token files are read at once.
    public init(
        parsing text: String, file: String, home: String, files: any FileSystem
    ) throws(YAMLReader.Problems) {
        self = try YAMLReader.read(text, file: file) { root in
            root.mapping { keys -> ContextFile in
                var result = ContextFile()
                result.current = keys["current"]?.string
                for entry in keys["contexts"]?.entries ?? [] {
                    guard let context = Self.context(entry.value, home: home, files: files) else { continue }
                    result.contexts.append((entry.key, context))
                }
                if let current = result.current, !result.contexts.contains(where: { $0.name == current }) {
                    keys.note("current is \"\(current)\", which is not among the contexts")
                }
                return result
            } ?? ContextFile()
        }
    }

    private static func context(_ value: YAMLValue, home: String, files: any FileSystem) -> ServerContext? {
        value.mapping { keys in
            keys.require("server")
            var context = ServerContext(address: keys["server"]?.string ?? ServerContext.defaultAddress)
            context.tenant = keys["tenant"]?.string
            context.bearerToken = keys["token"]?.string
            if let path = keys["token_file"], let name = path.string {
                do throws(FileError) {
                    let bytes = try files.readAll(expand(name, home), limit: 64 << 10)
                    context.bearerToken = String(decoding: bytes, as: UTF8.self).trimmedBlanks
                } catch {
                    path.note(error.description)
                }
            }
            context.tls.authoritiesFile = keys["ca_file"]?.string.map { expand($0, home) }
            context.tls.certificateFile = keys["cert_file"]?.string.map { expand($0, home) }
            context.tls.keyFile = keys["key_file"]?.string.map { expand($0, home) }
            context.tls.serverName = keys["server_name"]?.string
            context.tls.skipsVerification = keys["insecure_skip_verify"]?.bool ?? false
            return context
        }
    }

    private static func expand(_ path: String, _ home: String) -> String {
        path.hasPrefix("~/") ? Path.join(home, String(path.dropFirst(2))) : path
    }
}

/// Finds the server to talk to: a flag, then `OBSQ_SERVER`, then the context file, then the default.
public struct ServerChoice: Sendable {
    /// `--server`: a URL, `host:port`, or the name of a context.
    public var flag: String?
    /// Values of the environment: `OBSQ_SERVER`, `OBSQ_TOKEN`, `OBSQ_TENANT`, `OBSQ_CONFIG`, `HOME`, `XDG_CONFIG_HOME`.
    public var environment: [String: String]

    public init(flag: String? = nil, environment: [String: String]) {
        self.flag = flag
        self.environment = environment
    }

    /// Where the context file is looked for.
    public var contextPath: String {
        if let named = environment["OBSQ_CONFIG"], !named.isEmpty { return named }
        let home = environment["HOME"] ?? ""
        let base = environment["XDG_CONFIG_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? Path.join(home, ".config")
        return Path.join(base, "obsq/config.yaml")
    }

    public func resolve(files: any FileSystem) throws(ContextError) -> ServerContext {
        let file = try readContexts(files)
        var context: ServerContext
        if let named = flag ?? environment["OBSQ_SERVER"].flatMap({ $0.isEmpty ? nil : $0 }) {
            context = try choose(named, file)
        } else if let current = file.current, let known = file.contexts.first(where: { $0.name == current }) {
            context = known.context
        } else {
            context = ServerContext()
        }
        if let token = environment["OBSQ_TOKEN"], !token.isEmpty { context.bearerToken = token }
        if let tenant = environment["OBSQ_TENANT"], !tenant.isEmpty { context.tenant = tenant }
        return context
    }

    private func choose(_ named: String, _ file: ContextFile) throws(ContextError) -> ServerContext {
        if let known = file.contexts.first(where: { $0.name == named }) { return known.context }
        let looksLikeAddress = named.utf8.contains(UInt8(ascii: ":")) || named.utf8.contains(UInt8(ascii: "."))
        guard looksLikeAddress || named == "localhost" else {
            let names = file.contexts.map(\.name).joined(separator: ", ")
            throw ContextError(
                "\"\(named)\" is neither an address nor a context of \(contextPath)"
                    + (names.isEmpty ? "" : " (there are: \(names))"))
        }
        return ServerContext(address: named)
    }

    private func readContexts(_ files: any FileSystem) throws(ContextError) -> ContextFile {
        let path = contextPath
        let bytes: [UInt8]
        do throws(FileError) { bytes = try files.readAll(path, limit: 1 << 20) } catch {
            guard error.reason == .notFound, environment["OBSQ_CONFIG"] == nil else {
                throw ContextError(error.description)
            }
            return ContextFile()
        }
        do throws(YAMLReader.Problems) {
            return try ContextFile(
                parsing: String(decoding: bytes, as: UTF8.self), file: path, home: environment["HOME"] ?? "",
                files: files)
        } catch {
            throw ContextError(error.description)
        }
    }
}

extension String {
    /// Without blanks and line ends at both sides.
    var trimmedBlanks: String {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || ($0 >= 9 && $0 <= 13) }
        let bytes = Array(utf8)
        guard let first = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(decoding: bytes[first...last], as: UTF8.self)
    }
}
