import Collector
import Configuration
import Formats
import Receivers
import Transport

extension Server {
    /// Metrics of OTLP over HTTP; one receiver serves all ports.
    func otlpMetrics(_ context: ReceiverContext, _ settings: Settings) -> OTLPMetricsReceiver {
        var metrics = OTLPMetricOptions()
        metrics.limits = seriesLimits(settings)
        metrics.names.strategy = settings[SettingsTable.otlpStrategy]
        metrics.names.keepsMultipleUnderscores = settings[SettingsTable.otlpUnderscores]
        metrics.names.sanitizesLeadingUnderscore = settings[SettingsTable.otlpLeadingUnderscore]
        let promoted = Self.list(settings[SettingsTable.otlpPromoted])
        metrics.promotesAllResourceAttributes = promoted == ["*"]
        metrics.promotedResourceAttributes = promoted
        metrics.ignoredResourceAttributes = Self.list(settings[SettingsTable.otlpIgnored])
        metrics.keepsIdentifyingResourceAttributes = settings[SettingsTable.otlpKeepsIdentity]
        metrics.promotesScopeMetadata = settings[SettingsTable.otlpScope]
        metrics.convertsHistograms = settings[SettingsTable.otlpHistograms]
        metrics.delta = settings[SettingsTable.otlpDelta]
        metrics.targetInfoInterval = max(1, settings[SettingsTable.lookback].milliseconds / 2)
        var options = OTLPMetricsReceiver.Options()
        options.bodyBytesMax = settings[SettingsTable.bodyBytes].bytes
        options.metrics = metrics
        options.deltaSeriesMax = settings[SettingsTable.otlpDeltaSeries]
        return OTLPMetricsReceiver(context, options: options)
    }

    private static func list(_ text: String) -> Set<String> {
        Set(
            text.split(separator: ",").map { word in
                String(word.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            })
    }

    /// OTLP's own port. Taken by another program, it is a warning where obsd is everything at once, and an error for a collector.
    func listenForOTLP(_ routes: [HTTPRoute], _ settings: Settings) throws {
        let address = settings[SettingsTable.otlpHTTP]
        if address.isOff { return }
        let server = HTTPServer(try serverOptions(settings, at: address), routes: routes)
        do {
            try server.start()
        } catch HTTPServerError.cannotListen(let why) where role == .all {
            log.warn("OTLP over HTTP is not received on its own port", ["error": why])
            return
        }
        otlp = server
        log.info("receiving OTLP over HTTP", ["address": server.url])
    }
}
