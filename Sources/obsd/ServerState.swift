import Configuration
import Synchronization

/// What handlers on other threads ask of the server. Thread-safe.
final class ServerState: Sendable {
    private struct State {
        var configuration: ServerConfiguration
        var configurationTime: Int64
        var isConfigurationLoaded = true
        var isReady = false
    }

    let started: Int64
    private let state: Mutex<State>

    init(_ configuration: ServerConfiguration, started: Int64) {
        self.started = started
        state = Mutex(State(configuration: configuration, configurationTime: started))
    }

    var isReady: Bool { state.withLock { $0.isReady } }
    var settings: Settings { state.withLock { $0.configuration.settings } }
    var configurationTime: Int64 { state.withLock { $0.configurationTime } }
    var isConfigurationLoaded: Bool { state.withLock { $0.isConfigurationLoaded } }

    func setReady() { state.withLock { $0.isReady = true } }
    func setStopping() { state.withLock { $0.isReady = false } }
    func noteReloadFailure() { state.withLock { $0.isConfigurationLoaded = false } }

    func setConfiguration(_ configuration: ServerConfiguration, time: Int64) {
        state.withLock {
            $0.configuration = configuration
            $0.configurationTime = time
            $0.isConfigurationLoaded = true
        }
    }

    /// The settings in force as YAML, secrets masked.
    var yaml: String {
        let settings = settings
        return SettingsTable.all.filter { settings.origin($0) != .standard }
            .map { "\($0.name): \(settings.text($0))" }.joined(separator: "\n")
    }

    var flags: [(name: String, value: String)] {
        let settings = settings
        return SettingsTable.all.map { (name: String($0.flag.dropFirst(2)), value: settings.text($0)) }
    }
}
