/// One row of the table of settings: its name says where it stands in the YAML file (`storage.retention`), and flag and
/// environment variable follow from it (`--storage-retention`, `OBS_STORAGE_RETENTION`).
public struct Setting<Value: SettingValue>: AnySetting {
    public let name: String
    public let standard: Value
    public let help: String
    public let isSecret: Bool
    public let reloads: Bool
    private let check: @Sendable (Value) -> String?

    /// - Parameters:
    ///   - standard: the value when nothing is said.
    ///   - secret: never printed.
    ///   - reloads: takes effect without a restart.
    ///   - check: nil when the value is fine, otherwise what is wrong with it.
    public init(
        _ name: String, _ standard: Value, secret: Bool = false, reloads: Bool = false, _ help: String,
        check: @escaping @Sendable (Value) -> String? = { _ in nil }
    ) {
        self.name = name
        self.standard = standard
        self.help = help
        isSecret = secret
        self.reloads = reloads
        self.check = check
    }

    public var placeholder: String { Value.placeholder }
    public var standardText: String { standard.text }
    public var isSwitch: Bool { Value.self == Bool.self }

    public func normalise(_ text: String) throws(SettingError) -> String {
        let value = try Value.parse(text)
        if let wrong = check(value) { throw SettingError(wrong) }
        return value.text
    }
}

/// A setting whose type doesn't matter: for help, validation and the reference page.
public protocol AnySetting: Sendable {
    var name: String { get }
    var help: String { get }
    var placeholder: String { get }
    var standardText: String { get }
    var isSecret: Bool { get }
    var reloads: Bool { get }
    /// A flag that may stand without a value.
    var isSwitch: Bool { get }
    /// Checks a text and gives its canonical form.
    func normalise(_ text: String) throws(SettingError) -> String
}

extension AnySetting {
    /// `--storage-retention`
    public var flag: String { "--" + String(name.map { $0 == "." || $0 == "_" ? "-" : $0 }) }
    /// `OBS_STORAGE_RETENTION`
    public var variable: String { "OBS_" + String(name.map { $0 == "." ? "_" : $0 }).uppercased() }
}
