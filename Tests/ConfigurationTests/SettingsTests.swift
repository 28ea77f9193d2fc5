import Testing

@testable import Configuration

@Suite struct SettingsTests {
    @Test func defaultsAreValidAndNamesUnique() throws {
        var names: Set<String> = []
        for setting in SettingsTable.all {
            #expect(names.insert(setting.name).inserted, "\(setting.name) twice")
            #expect(try setting.normalise(setting.standardText) == setting.standardText)
            #expect(!setting.help.isEmpty)
        }
    }

    @Test func laterOriginsWin() throws {
        var settings = Settings()
        #expect(settings[SettingsTable.retention].milliseconds == 15 * 86_400_000)
        try settings.set(SettingsTable.retention, "2d", from: .file("obs.yml:3:5"))
        try settings.apply(environment: ["OBS_STORAGE_RETENTION": "36h", "OBS_UNRELATED": "x"])
        #expect(settings[SettingsTable.retention].milliseconds == 36 * 3_600_000)
        #expect(settings.origin(SettingsTable.retention) == .environment("OBS_STORAGE_RETENTION"))
    }

    @Test func badValuesNameTheirOrigin() {
        var settings = Settings()
        let error = #expect(throws: SettingError.self) {
            try settings.apply(environment: ["OBS_STORAGE_RETENTION": "soon"])
        }
        #expect(error?.description == "OBS_STORAGE_RETENTION: \"soon\" is not a duration such as 30s, 1h30m or 15d")
    }

    @Test func flagsFollowFromTheTable() throws {
        let flags = try FlagParser(
            ["all", "--data-dir", "/x", "--insecure", "--storage-log-bytes=8MiB", "--config", "c.yml"],
            extras: ["--config"])
        #expect(flags.arguments == ["all"])
        #expect(flags.extras["--config"] == "c.yml")
        #expect(flags.settings.map(\.text) == ["/x", "true", "8MiB"])
        let switches = try FlagParser(["--insecure", "false", "all", "--logs-self-logs", "true"], extras: [])
        #expect(switches.settings.map(\.text) == ["false", "true"] && switches.arguments == ["all"])
        let error = #expect(throws: SettingError.self) { try FlagParser(["--data-dri", "x"], extras: []) }
        #expect(error?.description == "unknown flag --data-dri (did you mean \"--data-dir\"?)")
        #expect(throws: SettingError.self) { try FlagParser(["--data-dir"], extras: []) }
    }

    @Test func secretsAreMasked() throws {
        var settings = Settings()
        try settings.set(SettingsTable.token, "hunter2", from: .flag("--token"))
        #expect(settings.text(SettingsTable.token) == "<secret>")
        #expect(settings.differences(from: Settings()).map(\.line) == ["token:  -> <secret>"])
    }

    @Test(arguments: [("64MiB", 64 << 20), ("10GB", 10_000_000_000), ("4096", 4096), ("1 KiB", 1024)])
    func sizes(text: String, bytes: Int) throws { #expect(try ByteSize.parse(text).bytes == bytes) }

    @Test(arguments: ["", "x", "12XB", "-5", "99999999999999999999", "9999999999TiB"])
    func badSizes(text: String) { #expect(throws: SettingError.self) { try ByteSize.parse(text) } }

    @Test(arguments: [
        ("127.0.0.1:7070", "127.0.0.1", 7070), ("[::1]:80", "::1", 80), (":7070", "127.0.0.1", 7070),
        ("localhost:0", "localhost", 0),
    ])
    func addresses(text: String, host: String, port: Int) throws {
        let address = try Address.parse(text)
        #expect(address.host == host && Int(address.port) == port)
    }

    @Test(arguments: ["", "7070", "::1:80", "host:99999", "host:"])
    func badAddresses(text: String) { #expect(throws: SettingError.self) { try Address.parse(text) } }
}
