import Bedrock
import Collector
import Configuration
import Formats
import Glibc
import Instruments
import Model
import PromQL
import QueryServer
import Receivers
import Transport

extension Server {
    /// Opens the port: the receivers and the query API where there is storage, health and metrics always.
    func listen(_ settings: Settings) throws {
        let options = try serverOptions(settings, at: settings[SettingsTable.listen])
        let query = QueryAPI(queryDependencies(settings), options: queryOptions(settings))
        self.query = query
        var routes = query.routes().map(Self.refusingBadTenants)
        if let storage, let logs, let traces {
            let metrics = metricContext(storage)
            routes += receivers(metrics, settings)
            let context = logContext(logs, memory: storage.budget.account("receivers"), settings)
            routes += logReceivers(context, settings)
            let spans = traceReceivers(traces, storage, settings)
            let otlpRoutes =
                otlpLogs(context, settings).routes + otlpMetrics(metrics, settings).routes + spans.otlp
            routes += otlpRoutes + spans.others
            try listenForOTLP(otlpRoutes, settings)
            try listenForSyslog(context, settings)
            try listenForGRPC(otlpRoutes, settings)
        }
        let http = HTTPServer(options, routes: routes, observer: HTTPInstruments(registry))
        try http.start()
        self.http = http
        log.info("listening", ["role": role.rawValue, "url": http.url])
    }

    /// How a port is opened: all of them ask for the same token and show the same certificate.
    func serverOptions(_ settings: Settings, at address: Address) throws -> HTTPServerOptions {
        var options = HTTPServerOptions(listen: ListenAddress(address.host, address.port))
        options.isInsecure = settings[SettingsTable.insecure]
        options.tokens = try tokens(settings)
        options.tls = try tls(settings)
        options.connectionsMax = settings[SettingsTable.connections]
        return options
    }

    /// A name that is none must not read what the default tenant has.
    private static func refusingBadTenants(_ route: HTTPRoute) -> HTTPRoute {
        var route = route
        let handler = route.handler
        route.handler = { request, respond in
            if TenantHeader.tenant(request.headers) != nil { return handler(request, respond) }
            respond(
                .error(
                    400, "bad_data",
                    "X-Scope-OrgID is no tenant: 1 to 150 letters, digits or !-_.*'(); several at once are not read"))
        }
        return route
    }

    func tokens(_ settings: Settings) throws -> BearerTokens {
        let file = settings[SettingsTable.tokenFile]
        if !file.isEmpty { return try BearerTokens(files: PosixFileSystem(), file: file) }
        return BearerTokens([settings[SettingsTable.token]])
    }

    private func tls(_ settings: Settings) throws -> ServerTLS? {
        let certificate = settings[SettingsTable.tlsCertificate]
        let key = settings[SettingsTable.tlsKey]
        if certificate.isEmpty && key.isEmpty { return nil }
        guard !certificate.isEmpty, !key.isEmpty else {
            throw SettingError("tls.cert_file and tls.key_file go together")
        }
        let authorities = settings[SettingsTable.tlsClientCA]
        return try ServerTLS(
            files: PosixFileSystem(), certificateFile: certificate, keyFile: key,
            clientAuthoritiesFile: authorities.isEmpty ? nil : authorities)
    }

    private func metricContext(_ storage: MetricStorage) -> ReceiverContext {
        ReceiverContext(
            sink: storage.collector, registry: registry, ledger: ledger, memory: storage.budget.account("receivers"),
            clock: clock)
    }

    /// What a series may be like, by whatever way it comes.
    func seriesLimits(_ settings: Settings) -> RemoteWriteLimits {
        var limits = RemoteWriteLimits()
        limits.labelsPerSeriesMax = settings[SettingsTable.labelsPerSeries]
        limits.labelNameBytesMax = settings[SettingsTable.labelNameBytes].bytes
        limits.labelValueBytesMax = settings[SettingsTable.labelValueBytes].bytes
        return limits
    }

    private func receivers(_ context: ReceiverContext, _ settings: Settings) -> [HTTPRoute] {
        let limits = seriesLimits(settings)
        let bodyBytes = settings[SettingsTable.bodyBytes].bytes
        var remoteWrite = RemoteWriteReceiver.Options()
        remoteWrite.bodyBytesMax = bodyBytes
        remoteWrite.decompressedBytesMax = bodyBytes * 4
        remoteWrite.limits = limits
        var text = ImportReceiver.Options()
        text.bodyBytesMax = bodyBytes
        text.limits = limits
        return RemoteWriteReceiver(context, options: remoteWrite).routes + ImportReceiver(context, options: text).routes
    }

    private func queryOptions(_ settings: Settings) -> QueryOptions {
        var options = QueryOptions()
        options.concurrencyMax = settings[SettingsTable.queryConcurrency]
        options.timeoutSeconds = Double(settings[SettingsTable.queryTimeout].milliseconds) / 1000
        let slow = settings[SettingsTable.slowQuery].milliseconds
        options.slowQuerySeconds = slow > 0 ? Double(slow) / 1000 : nil
        return options
    }

    private func queryDependencies(_ settings: Settings) -> QueryDependencies {
        var dependencies = QueryDependencies(source: storage?.source ?? EmptySeriesSource())
        dependencies.engine.lookbackMilliseconds = settings[SettingsTable.lookback].milliseconds
        dependencies.engine.samplesMax = settings[SettingsTable.querySamples]
        dependencies.tenant = { TenantHeader.tenant($0.headers) ?? .default }
        if let logs {
            dependencies.logs = logs.source
            dependencies.feed = logs.collector
            dependencies.deletions = EngineLogDeletions(logs.engine)
        }
        if let traces { dependencies.spans = traces.source }
        if let storage { dependencies.storage = { try StorageReport.make(storage.source, limit: $0) } }
        let state = state
        dependencies.isReady = { state.isReady }
        dependencies.configuration = { state.yaml }
        dependencies.flags = { state.flags }
        let started = state.started
        let retention = settings[SettingsTable.retention].text
        dependencies.runtime = { [storage] in
            var status = RuntimeStatus()
            status.startTime = started
            status.workingDirectory = currentDirectory()
            status.hostname = hostname()
            status.isConfigurationLoaded = state.isConfigurationLoaded
            status.configurationTime = state.configurationTime
            status.corruptionCount = storage?.directory.damage.count ?? 0
            status.retention = retention
            return status
        }
        dependencies.logger = log.named("query")
        dependencies.build.version = version
        dependencies.targets = { [agent] in agent.map { targetsStatus($0.targets()) } ?? TargetsStatus() }
        dependencies.metrics = { [registry] in TextExposition.write(registry) }
        return dependencies
    }
}

private func currentDirectory() -> String {
    guard let path = getcwd(nil, 0) else { return "" }
    defer { free(path) }
    return String(cString: path)
}
