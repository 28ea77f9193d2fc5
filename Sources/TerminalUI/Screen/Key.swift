/// What the user did.
public enum TerminalEvent: Equatable, Sendable {
    case key(Key)
    /// The first button went down at a cell.
    case click(x: Int, y: Int)
    /// The wheel: -1 up, 1 down, over a cell.
    case wheel(Int, x: Int, y: Int)
    case resize(width: Int, height: Int)
    /// The screen's content is unknown: draw it whole.
    case redraw
    /// The terminal went away, or the process was told to end.
    case hangup
}

/// A key press.
public enum Key: Hashable, Sendable {
    case character(Character)
    case up
    case down
    case left
    case right
    case pageUp
    case pageDown
    case home
    case end
    case enter
    case escape
    case tab
    case backTab
    case backspace
    case delete
    /// Control with a letter, given in lower case.
    case control(Character)
    case function(Int)
}

extension Key {
    /// - Parameters:
    ///   - code: a wide character, or a code of ncurses when `isFunction`.
    init?(code: Int32, isFunction: Bool) {
        if isFunction {
            guard let known = Self.functionKeys[code] else {
                // KEY_F0 is 0410.
                guard code > 264, code <= 264 + 63 else { return nil }
                self = .function(Int(code - 264))
                return
            }
            self = known
            return
        }
        switch code {
        case 9: self = .tab
        case 10, 13: self = .enter
        case 27: self = .escape
        case 8, 127: self = .backspace
        case 1...26: self = .control(Character(Unicode.Scalar(UInt8(96 + code))))
        default:
            guard code >= 32, let scalar = Unicode.Scalar(UInt32(code)) else { return nil }
            self = .character(Character(scalar))
        }
    }

    /// By the octal codes of ncurses, which are part of its interface.
    private static let functionKeys: [Int32: Key] = [
        0o402: .down, 0o403: .up, 0o404: .left, 0o405: .right, 0o406: .home, 0o407: .backspace, 0o512: .delete,
        0o522: .pageDown, 0o523: .pageUp, 0o527: .enter, 0o541: .backTab, 0o550: .end,
    ]
}
