import Bedrock
import Collector
import Configuration
import Formats
import Instruments
import Model
import Receivers
import Transport

extension Server {
    func logContext(_ logs: LogStorage, memory: MemoryAccount, _ settings: Settings) -> LogReceiverContext {
        var decoding = LogDecodeOptions()
        decoding.limits.lineBytesMax = settings[SettingsTable.lineBytes].bytes
        decoding.limits.labelNameBytesMax = settings[SettingsTable.labelNameBytes].bytes
        decoding.limits.labelValueBytesMax = settings[SettingsTable.labelValueBytes].bytes
        decoding.addsServiceName = settings[SettingsTable.logsServiceName]
        decoding.addsDetectedLevel = settings[SettingsTable.logsDetectedLevel]
        return LogReceiverContext(
            sink: logs.collector, registry: registry, ledger: ledger, decoding: decoding, memory: memory, clock: clock)
    }

    private func receiverOptions(_ settings: Settings) -> LogReceiverOptions {
        var options = LogReceiverOptions()
        options.bodyBytesMax = settings[SettingsTable.bodyBytes].bytes
        options.decompressedBytesMax = options.bodyBytesMax * 4
        return options
    }

    func otlpLogs(_ context: LogReceiverContext, _ settings: Settings) -> OTLPLogsReceiver {
        OTLPLogsReceiver(context, options: receiverOptions(settings))
    }

    /// Every protocol of logs over HTTP but OTLP.
    func logReceivers(_ context: LogReceiverContext, _ settings: Settings) -> [HTTPRoute] {
        let options = receiverOptions(settings)
        return LokiPushReceiver(context, options: options).routes + BulkReceiver(context, options: options).routes
            + JSONLinesReceiver(context, options: options).routes
    }

    func listenForSyslog(_ context: LogReceiverContext, _ settings: Settings) throws {
        var options = SyslogReceiver.Options()
        options.tcp = try syslogAddress(settings[SettingsTable.syslogTCP], settings)
        options.udp = try syslogAddress(settings[SettingsTable.syslogUDP], settings)
        if options.tcp == nil, options.udp == nil { return }
        options.messageBytesMax = settings[SettingsTable.lineBytes].bytes + (64 << 10)
        let receiver = try SyslogReceiver(context, options: options)
        receiver.start()
        syslog = receiver
        log.info(
            "receiving syslog",
            [
                "tcp": options.tcp == nil ? "off" : "\(receiver.tcpPort)",
                "udp": options.udp == nil ? "off" : "\(receiver.udpPort)",
            ])
    }

    /// Syslog has neither tokens nor TLS here.
    private func syslogAddress(_ address: Address, _ settings: Settings) throws -> ListenAddress? {
        if address.isOff { return nil }
        let listen = ListenAddress(address.host, address.port)
        try listen.checkExposure(hasToken: false, hasTLS: false, insecure: settings[SettingsTable.insecure])
        return listen
    }
}
