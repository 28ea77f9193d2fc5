/// The colours of the program's own parts. Series and thresholds bring their own.
public struct Theme: Sendable {
    /// What tints are mixed with: near the terminal's background, which can't be asked for everywhere.
    public var ground: Color
    public var text: Style
    public var strong: Style
    public var muted: Style
    /// Grid lines, rules, unfilled parts of gauges.
    public var faint: Style
    public var title: Style
    public var focus: Style
    public var bar: Style
    public var barKey: Style
    public var good: Style
    public var warning: Style
    public var bad: Style
    public var selection: Style
    /// No colour at all: plots tell series apart by shades and marks.
    public var isMonochrome: Bool

    public static let dark = Theme(
        ground: Color(hex: 0x14161A), text: Style(), strong: Style(.standard, .bold),
        muted: Style(Color(hex: 0x8A919C)), faint: Style(Color(hex: 0x3E444D)),
        title: Style(Color(hex: 0xC9D1DB), .bold), focus: Style(Color(hex: 0x6CB6FF), .bold),
        bar: Style(Color(hex: 0xC9D1DB), on: Color(hex: 0x22262D)),
        barKey: Style(Color(hex: 0x6CB6FF), on: Color(hex: 0x22262D), .bold), good: Style(Color(hex: 0x73BF69)),
        warning: Style(Color(hex: 0xF2CC0C)), bad: Style(Color(hex: 0xF2495C)),
        selection: Style(Color(hex: 0xFFFFFF), on: Color(hex: 0x1F4E79)), isMonochrome: false)

    public static let light = Theme(
        ground: Color(hex: 0xF7F8FA), text: Style(), strong: Style(.standard, .bold),
        muted: Style(Color(hex: 0x5F6670)), faint: Style(Color(hex: 0xC6CBD2)),
        title: Style(Color(hex: 0x24292F), .bold), focus: Style(Color(hex: 0x0B62C4), .bold),
        bar: Style(Color(hex: 0x24292F), on: Color(hex: 0xE3E6EA)),
        barKey: Style(Color(hex: 0x0B62C4), on: Color(hex: 0xE3E6EA), .bold), good: Style(Color(hex: 0x2E7D32)),
        warning: Style(Color(hex: 0x9A6700)), bad: Style(Color(hex: 0xC4162A)),
        selection: Style(Color(hex: 0xFFFFFF), on: Color(hex: 0x0B62C4)), isMonochrome: false)

    public static let monochrome = Theme(
        ground: .standard, text: Style(), strong: Style(.standard, .bold), muted: Style(),
        faint: Style(.standard, .dim),
        title: Style(.standard, .bold), focus: Style(.standard, [.bold, .reverse]), bar: Style(.standard, .reverse),
        barKey: Style(.standard, [.reverse, .bold]), good: Style(), warning: Style(.standard, .bold),
        bad: Style(.standard, .bold), selection: Style(.standard, .reverse), isMonochrome: true)

    /// The theme for a terminal. `COLORFGBG`, which some set, ends in the palette index of the background.
    public static func fitting(depth: ColorDepth, colorFgBg: String?) -> Theme {
        guard depth != .none else { return .monochrome }
        let background = colorFgBg?.split(separator: ";").last.flatMap { Int($0) }
        return background == 7 || background == 15 ? .light : .dark
    }
}

extension Style {
    init(_ foreground: Color, _ attributes: Attributes) { self.init(foreground, on: .standard, attributes) }
}
