import Formats

extension Settings {
    /// Overlays the settings of a configuration file's root mapping, and notes whatever doesn't fit with its position.
    ///
    /// The root may hold other sections (`scrape_configs`): whoever owns them asks `root` for them.
    public mutating func apply(_ root: YAMLMapping) {
        for setting in SettingsTable.all where !setting.name.contains(".") { take(setting, root[setting.name]) }
        for group in Self.groups {
            _ = root[group]?.mapping { keys in
                for setting in SettingsTable.all where setting.name.hasPrefix(group + ".") {
                    take(setting, keys[String(setting.name.dropFirst(group.count + 1))])
                }
            }
        }
    }

    /// First parts of dotted names, in the order of the table.
    static let groups: [String] = {
        var seen: [String] = []
        for setting in SettingsTable.all {
            let parts = setting.name.split(separator: ".")
            if parts.count == 2, !seen.contains(String(parts[0])) { seen.append(String(parts[0])) }
        }
        return seen
    }()

    private mutating func take(_ setting: any AnySetting, _ value: YAMLValue?) {
        guard let value, let text = value.string else { return }
        do throws(SettingError) {
            set(
                setting, normalised: try setting.normalise(text),
                from: .file("\(value.reader.file):\(value.node.position.line):\(value.node.position.column)"))
        } catch {
            value.note(error.description)
        }
    }
}
