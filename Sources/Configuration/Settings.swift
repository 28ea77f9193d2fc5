import Bedrock

/// The settings in force: table defaults, overlaid by the file, then environment variables, then flags. Immutable and thread-safe.
public struct Settings: Sendable {
    /// Where a value came from; `.file` names the position.
    public enum Origin: Equatable, Sendable, CustomStringConvertible {
        case standard
        case file(String)
        case environment(String)
        case flag(String)

        public var description: String {
            switch self {
            case .standard: "default"
            case .file(let place), .environment(let place), .flag(let place): place
            }
        }
    }

    private var texts: [String: String] = [:]
    private var origins: [String: Origin] = [:]

    /// Every setting at its default.
    public init() {}

    /// The value of a setting.
    public subscript<Value>(setting: Setting<Value>) -> Value {
        guard let text = texts[setting.name], let value = try? Value.parse(text) else { return setting.standard }
        return value
    }

    public func origin(_ setting: any AnySetting) -> Origin { origins[setting.name] ?? .standard }

    /// The value as text; secrets are masked.
    public func text(_ setting: any AnySetting) -> String {
        let text = texts[setting.name] ?? setting.standardText
        return setting.isSecret && !text.isEmpty ? "<secret>" : text
    }

    /// Sets one value from text.
    /// - Throws: when it doesn't fit, naming `origin`.
    public mutating func set(_ setting: any AnySetting, _ text: String, from origin: Origin) throws(SettingError) {
        do {
            set(setting, normalised: try setting.normalise(text), from: origin)
        } catch {
            throw SettingError("\(origin): \(error.description)")
        }
    }

    mutating func set(_ setting: any AnySetting, normalised text: String, from origin: Origin) {
        texts[setting.name] = text
        origins[setting.name] = origin
    }

    /// Overlays the environment: `OBS_LISTEN` and so on. Unknown `OBS_` variables are left alone, others' programs may own them.
    public mutating func apply(environment: [String: String]) throws(SettingError) {
        for setting in SettingsTable.all {
            if let text = environment[setting.variable] { try set(setting, text, from: .environment(setting.variable)) }
        }
    }

    /// Lines `name: before -> after` for what differs, secrets masked; for the log of a reload.
    public func differences(from earlier: Settings) -> [(setting: any AnySetting, line: String)] {
        SettingsTable.all.compactMap { setting in
            let before = earlier.texts[setting.name] ?? setting.standardText
            let after = texts[setting.name] ?? setting.standardText
            if before == after { return nil }
            return (setting, "\(setting.name): \(earlier.text(setting)) -> \(text(setting))")
        }
    }
}

/// Flags of a command line, matched against the table of settings and a few extra names.
public struct FlagParser {
    public private(set) var settings: [(setting: any AnySetting, text: String, flag: String)] = []
    /// Extra flags that take a value, by name (`--config`).
    public private(set) var extras: [String: String] = [:]
    public private(set) var arguments: [String] = []

    /// - Parameters:
    ///   - extras: names of flags beyond the table that take a value.
    ///   - switches: names of flags beyond the table that take none.
    public init(_ words: [String], extras extraNames: Set<String>, switches: Set<String> = []) throws(SettingError) {
        let byFlag = Dictionary(uniqueKeysWithValues: SettingsTable.all.map { ($0.flag, $0) })
        var rest = words[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("--"), word != "--" else {
                arguments.append(word)
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = parts[0]
            let given: String? = parts.count > 1 ? parts[1] : nil
            if switches.contains(name) {
                extras[name] = "true"
            } else if let setting = byFlag[name] {
                if let given {
                    settings.append((setting, given, name))
                } else if setting.isSwitch {
                    // The value may stand behind it, as with every other flag; no argument of a command is called so.
                    let hasValue = rest.first == "true" || rest.first == "false"
                    settings.append((setting, hasValue ? rest.removeFirst() : "true", name))
                } else if let next = rest.popFirst() {
                    settings.append((setting, next, name))
                } else {
                    throw SettingError("\(name) wants a value: \(setting.placeholder)")
                }
            } else if extraNames.contains(name) {
                guard let value = given ?? rest.popFirst() else { throw SettingError("\(name) wants a value") }
                extras[name] = value
            } else {
                let known = Array(byFlag.keys) + extraNames + switches
                let hint = Suggestion.hint(name, in: known)
                throw SettingError("unknown flag \(name)\(hint)")
            }
        }
    }
}
