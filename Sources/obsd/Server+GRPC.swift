import Configuration
import Receivers
import Transport

extension Server {
    /// OTLP over gRPC, for the signals that `routes` receives over HTTP. A port taken by another program is a warning where obsd is everything at once,
    /// and an error for a collector.
    func listenForGRPC(_ routes: [HTTPRoute], _ settings: Settings) throws {
        let address = settings[SettingsTable.otlpGRPC]
        let methods = OTLPGRPCService.methods(of: routes)
        if address.isOff || methods.isEmpty { return }
        var options = GRPCServerOptions(listen: ListenAddress(address.host, address.port))
        options.tokens = try tokens(settings)
        options.isInsecure = settings[SettingsTable.insecure]
        options.messageBytesMax = settings[SettingsTable.bodyBytes].bytes
        options.connectionsMax = settings[SettingsTable.connections]
        options.clock = clock
        let server = GRPCServer(options, methods: methods)
        do throws(HTTPServerError) { try server.start() } catch {
            guard case .cannotListen(let why) = error, role == .all else { throw error }
            log.warn("OTLP over gRPC is not received", ["error": why])
            return
        }
        registry.observe("obs_transport_grpc_connections", help: "Open gRPC connections.") { [server] in
            Double(server.connectionCount)
        }
        registry.observe("obs_transport_grpc_calls_total", help: "gRPC calls answered.", kind: .counter) {
            [server] in Double(server.callCounts.answered)
        }
        registry.observe(
            "obs_transport_grpc_failures_total", help: "gRPC calls that ended in another status than OK.",
            kind: .counter
        ) { [server] in Double(server.callCounts.failed) }
        grpc = server
        log.info("receiving OTLP over gRPC", ["address": server.address.description])
    }
}
