import Testing

@testable import TerminalUI

@Suite struct SurfaceTests {
    @Test func textIsClippedAtEveryEdge() {
        var surface = Surface(width: 6, height: 2)
        surface.text("abcdefgh", x: -2, y: 0)
        surface.text("xyz", x: 4, y: 1)
        surface.text("no", x: 0, y: 5)
        #expect(surface.plainText() == "cdefgh\n    xy\n")
    }

    @Test func wideCharactersTakeTwoCellsAndSplitCleanly() {
        var surface = Surface(width: 6, height: 1)
        surface.text("日本x", x: 0, y: 0)
        #expect(surface[1, 0].scalar == 0)
        #expect(surface.plainText() == "日本x\n")
        surface.text("a", x: 1, y: 0)
        #expect(surface.plainText() == " a本x\n")
        // A wide character with one column left isn't drawn at all.
        surface.text("日", x: 5, y: 0)
        #expect(surface.plainText() == " a本x\n")
    }

    @Test(arguments: [
        ("plain", 5), ("日本", 4), ("e\u{301}", 1), ("🚀", 2), ("⣿", 1), ("", 0), ("\u{7}\u{1B}[31m", 4),
    ])
    func widths(_ text: String, _ columns: Int) { #expect(CharacterWidth.of(text) == columns) }

    @Test func fitCutsWithAnEllipsis() {
        #expect(CharacterWidth.fit("network", 7) == "network")
        #expect(CharacterWidth.fit("network", 5) == "netw…")
        #expect(CharacterWidth.fit("日本語", 4) == "日…")
        #expect(CharacterWidth.fit("x", 0) == "")
    }

    @Test func controlCharactersNeverReachTheTerminal() {
        var surface = Surface(width: 10, height: 1)
        surface.text("a\u{1B}]0;b\u{7}c", x: 0, y: 0)
        #expect(surface.plainText() == "a]0;bc\n")
    }

    @Test func boxesOfAnySize() {
        for width in 0..<9 {
            for height in 0..<4 {
                var surface = Surface(width: 8, height: 3)
                surface.box(Rect(x: 0, y: 0, width: width, height: height), title: "title", .plain)
            }
        }
        var surface = Surface(width: 12, height: 3)
        surface.box(surface.bounds, title: "CPU", .plain)
        #expect(surface.plainText() == "╭─ CPU ────╮\n│          │\n╰──────────╯\n")
    }

    @Test func ansiTextUsesOnlyWhatTheTerminalHas() {
        var surface = Surface(width: 2, height: 1)
        surface.text("a", x: 0, y: 0, Style(Color(hex: 0xFF0000), .bold))
        #expect(surface.ansiText(.none) == "a\n")
        #expect(surface.ansiText(.sixteen) == "\u{1B}[0;1;91ma\u{1B}[0m\n")
        #expect(surface.ansiText(.indexed256) == "\u{1B}[0;1;38;5;196ma\u{1B}[0m\n")
        #expect(surface.ansiText(.trueColor) == "\u{1B}[0;1;38;2;255;0;0ma\u{1B}[0m\n")
    }

    @Test func greysAndCubeColorsOfThePalette() {
        #expect(Color(hex: 0x808080).index256 == 244)
        #expect(Color(hex: 0x000000).index256 == 16)
        #expect(Color(hex: 0xFFFFFF).index256 == 231)
        #expect(Color(hex: 0x5794F2).index256 == 69)
    }
}

@Suite struct FrameWriterTests {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func sendsOnlyWhatChanged() {
        var writer = FrameWriter(TerminalDialect(depth: .none))
        var frame = Surface(width: 10, height: 2)
        _ = writer.bytes(for: frame)
        #expect(writer.bytes(for: frame).isEmpty)
        frame.text("hi", x: 3, y: 1)
        #expect(text(writer.bytes(for: frame)) == "\u{1B}[2;4Hhi\u{1B}[m")
        frame.text("ho", x: 3, y: 1)
        #expect(text(writer.bytes(for: frame)) == "\u{1B}[2;5Ho\u{1B}[m")
    }

    @Test func aChangedSizeIsSentWhole() {
        var writer = FrameWriter(TerminalDialect(depth: .none))
        _ = writer.bytes(for: Surface(width: 4, height: 1))
        #expect(text(writer.bytes(for: Surface(width: 3, height: 2))) == "\u{1B}[1;1H   \u{1B}[2;1H   \u{1B}[m")
    }

    @Test func asciiTerminalsGetStandIns() {
        var writer = FrameWriter(TerminalDialect(depth: .none, isUnicode: false))
        var frame = Surface(width: 6, height: 1)
        frame.text("─│⣿⠁█µ", x: 0, y: 0)
        #expect(text(writer.bytes(for: frame)) == "\u{1B}[1;1H-|#'#u\u{1B}[m")
    }

    /// Replays what the writer sends on a model of a terminal: whatever frames came before, the screen shows the last one.
    @Test func anySequenceOfFramesEndsInTheLastOne() {
        var writer = FrameWriter(TerminalDialect(depth: .trueColor))
        var screen = ScreenModel(width: 20, height: 5)
        var state: UInt64 = 42
        func next(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        var frame = Surface(width: 20, height: 5)
        for _ in 0..<400 {
            let words = ["a", "日本", "⣿⡇", "hello", " ", "🚀"]
            let style = Style(Color(hex: UInt32(next(4)) * 0x404040), next(2) == 0 ? .bold : [])
            frame.text(words[next(words.count)], x: next(20), y: next(5), style)
            screen.apply(writer.bytes(for: frame))
            #expect(screen.surface.plainText() == frame.plainText())
        }
    }
}

/// Enough of a terminal to check a frame writer: cursor positions and characters; SGR is skipped.
struct ScreenModel {
    var surface: Surface
    private var x = 0
    private var y = 0

    init(width: Int, height: Int) { surface = Surface(width: width, height: height) }

    mutating func apply(_ bytes: [UInt8]) {
        var scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            guard scalar == "\u{1B}" else {
                x += surface.text(String(Character(scalar)), x: x, y: y)
                continue
            }
            _ = scalars.popFirst()
            var parameters = ""
            while let part = scalars.popFirst() {
                if part == "m" { break }
                if part == "H" {
                    let numbers = parameters.split(separator: ";").compactMap { Int($0) }
                    (y, x) = (numbers[0] - 1, numbers[1] - 1)
                    break
                }
                parameters.unicodeScalars.append(part)
            }
        }
    }
}
