import Bedrock
import Client
import Glibc
import LogQL
import Model
import PromQL
import Transport

/// The server, or the data folder, that a command talks to.
struct Session: Sendable {
    let client: PrometheusClient
    let logs: LokiClient
    let traces: TempoClient
    /// Whoever answers in place of a server; kept alive with the session.
    private let local: LocalServer?

    init(_ invocation: Invocation, timeoutSeconds: Double = 130) throws {
        var environment: [String: String] = [:]
        for name in ["OBSQ_SERVER", "OBSQ_TOKEN", "OBSQ_TENANT", "OBSQ_CONFIG", "HOME", "XDG_CONFIG_HOME"] {
            if let value = getenv(name) { environment[name] = String(cString: value) }
        }
        let files = PosixFileSystem()
        var context: ServerContext
        do throws(ContextError) {
            context = try ServerChoice(flag: invocation.value("--server"), environment: environment).resolve(
                files: files)
        } catch {
            throw Failure("\(error)", .usage)
        }
        if let tenant = invocation.value("--tenant") { context.tenant = tenant }
        if let file = invocation.value("--token-file") {
            let text = String(decoding: try Input.read(file, limit: 1 << 16), as: UTF8.self)
            context.bearerToken = String(text.prefix { !$0.isNewline })
        }
        if let file = invocation.value("--ca-file") { context.tls.authoritiesFile = file }
        if let folder = invocation.value("--data") {
            let local = try LocalServer(folder)
            self.local = local
            context.address = "http://local"
            client = PrometheusClient(context, caller: local, timeoutSeconds: timeoutSeconds)
            logs = LokiClient(context, caller: local, timeoutSeconds: timeoutSeconds)
            traces = TempoClient(context, caller: local, timeoutSeconds: timeoutSeconds)
            return
        }
        local = nil
        var options = HTTPClientOptions()
        options.userAgent = "obsq/\(version)"
        options.defaults = context.callOptions
        let caller = HTTPClient(options)
        client = PrometheusClient(context, caller: caller, timeoutSeconds: timeoutSeconds)
        logs = LokiClient(context, caller: caller, timeoutSeconds: timeoutSeconds)
        traces = TempoClient(context, caller: caller, timeoutSeconds: timeoutSeconds)
    }

    /// Runs `body` and turns a client's error into words, with a caret under the offending place of `query`.
    func ask<T>(query: String? = nil, _ body: (PrometheusClient) async throws(ClientError) -> T) async throws(Failure)
        -> T
    {
        do throws(ClientError) { return try await body(client) } catch {
            throw failure(error) {
                guard let query else { return nil }
                do throws(ParseError) { _ = try PromQLParser.parse(query) } catch { return error.excerpt(of: query) }
                return nil
            }
        }
    }

    /// As `ask`, of logs; `query` is LogQL.
    func askLogs<T>(_ query: String? = nil, _ body: (LokiClient) async throws(ClientError) -> T) async throws(Failure)
        -> T
    {
        do throws(ClientError) { return try await body(logs) } catch {
            throw failure(error) {
                guard let query else { return nil }
                do throws(ParseError) { _ = try LogQLParser.parse(query) } catch { return error.excerpt(of: query) }
                return nil
            }
        }
    }

    /// As `ask`, of traces.
    func askTraces<T>(
        _ query: String? = nil, _ body: (TempoClient) async throws(ClientError) -> T
    ) async throws(Failure) -> T {
        do throws(ClientError) { return try await body(traces) } catch { throw failure(error) { nil } }
    }

    private func failure(_ error: ClientError, excerpt: () -> String?) -> Failure {
        var text = error.description
        if case .api(let api) = error, api.position != nil, let excerpt = excerpt() { text += "\n" + excerpt }
        return Failure(text, error.isConnection ? .refused : .no)
    }
}
