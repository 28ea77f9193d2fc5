import Client

extension RGBColor {
    /// What an entry of this level is shown in.
    public static func ofLevel(_ level: LogLevel) -> RGBColor {
        switch level {
        case .error: RGBColor(0xF2495C)
        case .warning: RGBColor(0xF2CC0C)
        case .information: RGBColor(0x73BF69)
        case .debug: RGBColor(0x5794F2)
        }
    }
}
