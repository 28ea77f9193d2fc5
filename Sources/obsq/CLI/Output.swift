import Glibc

/// Standard output and error, with colour only where a person looks on.
struct Output: Sendable {
    var colour: Bool
    var errorColour: Bool

    init() {
        let plain = getenv("NO_COLOR") != nil || getenv("TERM").map { String(cString: $0) } == "dumb"
        colour = isatty(STDOUT_FILENO) == 1 && !plain
        errorColour = isatty(STDERR_FILENO) == 1 && !plain
    }

    /// Obeys `--color`.
    mutating func choose(_ when: String?) {
        if when == "always" { (colour, errorColour) = (true, true) }
        if when == "never" { (colour, errorColour) = (false, false) }
    }

    enum Style: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case cyan = "36"
    }

    func styled(_ text: String, _ style: Style) -> String {
        colour ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    func line(_ text: String = "") { write(text + "\n", to: STDOUT_FILENO) }

    func raw(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// Bytes as they are, on standard output.
    func raw(_ bytes: UnsafeRawBufferPointer) { write(bytes, to: STDOUT_FILENO) }

    /// Whether a person looks at standard output.
    var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    func error(_ text: String) {
        write((errorColour ? "\u{1B}[31mobsq:\u{1B}[0m " : "obsq: ") + text + "\n", to: STDERR_FILENO)
    }

    func note(_ text: String) {
        write((errorColour ? "\u{1B}[33m\(text)\u{1B}[0m" : text) + "\n", to: STDERR_FILENO)
    }

    /// Columns of the terminal; 80 when there is none.
    var width: Int {
        var size = winsize()
        return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    private func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { write(UnsafeRawBufferPointer($0), to: descriptor) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) {
        var done = 0
        while done < bytes.count {
            let n = Glibc.write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            if n < 0 && errno == EINTR { continue }
            // A closed pipe (`obsq … | head`) ends the program quietly.
            if n <= 0 { exit(ExitStatus.done.rawValue) }
            done += n
        }
    }
}

/// Columns aligned with spaces.
struct TextTable {
    private var rows: [[String]] = []
    let alignRight: Set<Int>

    init(_ header: [String], alignRight: Set<Int> = []) {
        self.alignRight = alignRight
        rows.append(header)
    }

    mutating func add(_ row: [String]) { rows.append(row) }

    func lines(_ output: Output) -> [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { c in rows.map { c < $0.count ? $0[c].count : 0 }.max() ?? 0 }
        return rows.enumerated().map { index, row in
            let cells = row.enumerated().map { c, cell in
                let pad = String(repeating: " ", count: widths[c] - cell.count)
                if alignRight.contains(c) { return pad + cell }
                return c == row.count - 1 ? cell : cell + pad
            }
            let line = cells.joined(separator: "  ")
            return index == 0 ? output.styled(line, .dim) : line
        }
    }
}
