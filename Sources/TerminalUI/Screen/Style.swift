/// How a cell looks.
public struct Style: Hashable, Sendable {
    public var foreground: Color
    public var background: Color
    public var attributes: Attributes

    public init(_ foreground: Color = .standard, on background: Color = .standard, _ attributes: Attributes = []) {
        self.foreground = foreground
        self.background = background
        self.attributes = attributes
    }

    public static let plain = Style()

    public func with(_ more: Attributes) -> Style { Style(foreground, on: background, attributes.union(more)) }
    public func on(_ background: Color) -> Style { Style(foreground, on: background, attributes) }

    public struct Attributes: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let bold = Attributes(rawValue: 1)
        public static let dim = Attributes(rawValue: 2)
        public static let italic = Attributes(rawValue: 4)
        public static let underline = Attributes(rawValue: 8)
        public static let reverse = Attributes(rawValue: 16)
    }
}

/// One place of the grid: a Unicode scalar and its look. A wide character holds its own cell and the one to its right, whose scalar is 0.
public struct Cell: Hashable, Sendable {
    /// The Unicode scalar value, or 0 for the right half of a wide character.
    public var scalar: UInt32
    public var style: Style

    @inline(__always)
    public init(_ scalar: UInt32, _ style: Style = .plain) {
        self.scalar = scalar
        self.style = style
    }

    public static let blank = Cell(0x20)
}
