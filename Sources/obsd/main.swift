import Bedrock
import CLinux
import Configuration
import Glibc

/// Prints to standard error and ends with `status`.
func fail(_ text: String, status: Int32) -> Never {
    StandardErrorSink().write("obsd: \(text)")
    exit(status)
}

func main() -> Int32 {
    guard clinux_built_for_v3() == 0 || clinux_has_v3() == 1 else {
        fail(
            "this build wants a processor with AVX2 (x86-64-v3); build without -march=x86-64-v3 for this machine",
            status: 1)
    }
    let order: Order
    do throws(SettingError) {
        order = try Order(Array(CommandLine.arguments.dropFirst()))
    } catch {
        fail("\(error); see obsd --help", status: 2)
    }
    switch order {
    case .help: print(HelpText.overview)
    case .version: print("obsd \(version)")
    case .settings: print(HelpText.reference)
    case .check(let flags): return check(flags)
    case .serve(let role, let flags): return serve(role, flags)
    }
    return 0
}

/// `obsd check`: what the configuration would do, or everything wrong with it.
func check(_ flags: FlagParser) -> Int32 {
    do {
        var file = ConfigurationFile(flags)
        let configuration = try file.load()
        for setting in SettingsTable.all where configuration.settings.origin(setting) != .standard {
            print(
                "\(setting.name): \(configuration.settings.text(setting))  (\(configuration.settings.origin(setting)))")
        }
        for job in configuration.scraping.jobs { print("scrape job \"\(job.name)\": every \(job.interval) ms") }
        print("ok")
        return 0
    } catch {
        print("\(error)")
        return 1
    }
}

/// Runs a role until it is told to stop.
func serve(_ role: Role, _ flags: FlagParser) -> Int32 {
    var signals = Signals()
    let ownLog = OwnLog()
    let log = Logger("obsd", sink: ownLog)
    var file = ConfigurationFile(flags)
    let server: Server
    var configuration: ServerConfiguration
    do {
        configuration = try file.load()
        server = try Server(role: role, configuration: configuration, log: log, ownLog: ownLog)
        try server.start()
    } catch {
        fail("\(error)", status: 1)
    }
    while true {
        switch signals.next(seconds: 2) {
        case .stop:
            let deadline = configuration.settings[SettingsTable.shutdownDeadline].milliseconds
            log.info("stopping", ["deadline": "\(deadline)ms"])
            return server.stop(deadlineMilliseconds: deadline) ? 0 : 1
        case .quiet where !file.hasChanged: server.logDamage()
        case .reload, .quiet:
            do {
                let next = try file.load()
                server.reload(from: configuration, to: next)
                configuration = next
            } catch {
                server.noteReloadFailure()
                log.error("the configuration was not reloaded, the old one stays", ["error": "\(error)"])
            }
        }
    }
}

exit(main())
