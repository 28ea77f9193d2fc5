import Agent
import Bedrock
import Formats

/// Everything that obsd is told: the settings in force and what to scrape.
public struct ServerConfiguration: Sendable {
    public var settings: Settings
    public var scraping: ScrapeConfiguration
    /// What logs to read.
    public var logs: LogConfiguration
    /// Which traces are kept.
    public var sampling: SamplingConfiguration

    public init(
        settings: Settings = Settings(), scraping: ScrapeConfiguration = ScrapeConfiguration(),
        logs: LogConfiguration = LogConfiguration(), sampling: SamplingConfiguration = SamplingConfiguration()
    ) {
        self.settings = settings
        self.scraping = scraping
        self.logs = logs
        self.sampling = sampling
    }

    /// Overlays defaults with a file's text, the environment and flags, in this order.
    ///
    /// - Parameters:
    ///   - text: content of the file, or nil for none.
    ///   - file: its path as the operator wrote it, for error messages; relative paths inside are relative to its folder.
    /// - Throws: `YAMLReader.Problems` with everything wrong in the file, `SettingError` for environment and flags.
    public static func load(
        text: String?, file: String, environment: [String: String] = [:],
        flags: [(setting: any AnySetting, text: String, flag: String)] = []
    ) throws -> ServerConfiguration {
        var configuration = ServerConfiguration()
        if let text {
            configuration = try YAMLReader.read(text, file: file) { root in
                root.mapping { keys in
                    var found = ServerConfiguration()
                    found.settings.apply(keys)
                    found.scraping = ScrapeConfiguration(keys, directory: Path.parent(file))
                    found.logs = LogConfiguration(keys)
                    found.sampling = SamplingConfiguration(keys)
                    return found
                } ?? ServerConfiguration()
            }
        }
        try configuration.settings.apply(environment: environment)
        for (setting, value, flag) in flags { try configuration.settings.set(setting, value, from: .flag(flag)) }
        return configuration
    }
}
