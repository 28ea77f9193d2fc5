import CNcurses
import Glibc
import Synchronization

/// Why there is no terminal to draw on.
public struct TerminalError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// The terminal of this process, in full-screen mode from `open` to `close`. One at a time.
///
/// ncurses has the modes, the keyboard and the mouse; what stands on the screen is written by `FrameWriter`, which knows true colour on
/// terminals whose description doesn't. Input is read by one thread of its own, which sleeps unless a key, a signal or `close` wakes
/// it; `show` and `close` are called from one thread at a time.
public final class Terminal: @unchecked Sendable {
    // The screen handle is used by the input thread alone between open and close; everything else is set in init or locked.
    public let events: AsyncStream<TerminalEvent>
    public let depth: ColorDepth
    private let continuation: AsyncStream<TerminalEvent>.Continuation
    private let writer: Mutex<FrameWriter>
    private let screen: OpaquePointer
    private let pad: UnsafeMutablePointer<WINDOW>
    private let wakePipe: (read: Int32, write: Int32)
    private let isClosed = Atomic<Bool>(false)
    private let thread = Mutex<pthread_t?>(nil)

    /// Enters full-screen mode on standard input and output.
    /// - Parameter depth: nil finds out from `NO_COLOR`, `COLORTERM` and the terminal's description.
    public init(depth wanted: ColorDepth? = nil) throws(TerminalError) {
        guard isatty(0) == 1, isatty(1) == 1 else {
            throw TerminalError("standard input and output are not a terminal")
        }
        Self.chooseLocale()
        var settings = termios()
        guard tcgetattr(0, &settings) == 0 else { throw TerminalError("cannot read the terminal's settings") }
        var descriptors: [Int32] = [-1, -1]
        guard pipe(&descriptors) == 0 else { throw TerminalError("cannot make a pipe: errno \(errno)") }
        for descriptor in descriptors {
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
        wakePipe = (descriptors[0], descriptors[1])
        TerminalRestore.wakeDescriptor.store(descriptors[1], ordering: .relaxed)
        // Ours before newterm: ncurses leaves handlers alone that are not the default.
        TerminalRestore.arm(target: 1, sequence: [], settings: settings)
        guard let opened = cncurses_open() else {
            TerminalRestore.disarm()
            throw TerminalError("unknown terminal type TERM=\(Self.environment("TERM") ?? "")")
        }
        screen = opened
        raw()
        noecho()
        nonl()
        curs_set(0)
        guard let window = newpad(1, 1) else {
            endwin()
            TerminalRestore.disarm()
            throw TerminalError("ncurses has no memory for its input window")
        }
        pad = window
        keypad(pad, true)
        nodelay(pad, true)
        set_escdelay(25)
        mouseinterval(0)
        mousemask(cncurses_mouse_mask(), nil)
        // The one refresh of ncurses' own screen: it switches to the alternate screen and clears it.
        cncurses_refresh()
        depth = wanted ?? Self.findDepth()
        writer = Mutex(FrameWriter(Self.dialect(depth)))
        TerminalRestore.arm(target: 1, sequence: Self.restoreSequence(), settings: settings)
        (events, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(256))
        startInput()
    }

    deinit { close() }

    /// Columns and rows now.
    public var size: (width: Int, height: Int) {
        var columns: Int32 = 0
        var rows: Int32 = 0
        guard cncurses_size(1, &columns, &rows) == 0, columns > 0, rows > 0 else { return (80, 24) }
        return (Int(columns), Int(rows))
    }

    /// Brings the screen to `frame`, sending only what changed.
    public func show(_ frame: Surface) {
        let bytes = writer.withLock { $0.bytes(for: frame) }
        Self.send(bytes)
    }

    /// The next frame is sent whole.
    public func forgetScreen() {
        writer.withLock { $0.forget() }
        Self.send(Array("\u{1B}[H\u{1B}[2J".utf8))
    }

    /// Gives the screen back for a while; `enter` takes it again.
    public func leave() {
        endwin()
        Self.send(Self.mouseOff)
    }

    /// Full-screen mode again, behind `leave`; the next frame is sent whole.
    public func enter() {
        cncurses_refresh()
        keypad(pad, true)
        mousemask(cncurses_mouse_mask(), nil)
        forgetScreen()
    }

    /// Leaves full-screen mode and gives everything back. Safe to call again.
    public func close() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        TerminalRestore.wake(UInt8(ascii: "q"))
        if let running = thread.withLock({ $0 }) { pthread_join(running, nil) }
        continuation.finish()
        endwin()
        TerminalRestore.restore()
        TerminalRestore.disarm()
        delwin(pad)
        delscreen(screen)
        TerminalRestore.wakeDescriptor.store(-1, ordering: .relaxed)
        Glibc.close(wakePipe.read)
        Glibc.close(wakePipe.write)
    }

    private static func send(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            var sent = 0
            while sent < buffer.count, let base = buffer.baseAddress {
                let count = write(1, base + sent, buffer.count - sent)
                if count > 0 {
                    sent += count
                } else if errno == EAGAIN {
                    var wait = pollfd(fd: 1, events: Int16(POLLOUT), revents: 0)
                    poll(&wait, 1, 1000)
                } else if errno != EINTR {
                    return
                }
            }
        }
    }

    // MARK: input

    private func startInput() {
        var created = pthread_t()
        let box = Unmanaged.passRetained(
            InputLoop(pad, wakePipe.read, continuation, size: { [weak self] in self?.size }))
        let result = pthread_create(
            &created, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<InputLoop>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        if result == 0 {
            thread.withLock { $0 = created }
        } else {
            box.release()
            continuation.yield(.hangup)
        }
    }

    // MARK: what the terminal can do

    private static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// A process without any locale still mostly sits in a UTF-8 terminal.
    private static func chooseLocale() {
        setlocale(LC_ALL, "")
        let named = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment($0) }.first { !$0.isEmpty }
        if named == nil || named == "C" || named == "POSIX" { setlocale(LC_CTYPE, "C.UTF-8") }
    }

    private static func findDepth() -> ColorDepth {
        if let set = environment("NO_COLOR"), !set.isEmpty { return .none }
        let colors = tigetnum("colors")
        if colors < 8 { return .none }
        let declared = environment("COLORTERM")
        if declared == "truecolor" || declared == "24bit" || tigetflag("RGB") > 0 || tigetflag("Tc") > 0 {
            return .trueColor
        }
        return colors >= 256 ? .indexed256 : .sixteen
    }

    private static func dialect(_ depth: ColorDepth) -> TerminalDialect {
        let cup = cncurses_capability("cup").map { String(cString: $0) } ?? ""
        let isUnicode = cncurses_is_utf8() != 0
        // Delays ($<5>) are for real glass terminals.
        let isAnsi = cup.hasPrefix("\u{1B}[%i%p1%d;%p2%dH")
        return TerminalDialect(depth: depth, isAnsi: isAnsi, isUnicode: isUnicode) { row, column in
            guard let text = cncurses_move(Int32(row), Int32(column)) else { return [] }
            return Array(String(cString: text).utf8)
        }
    }

    private static let mouseOff = Array("\u{1B}[?1000l\u{1B}[?1002l\u{1B}[?1006l".utf8)

    private static func restoreSequence() -> [UInt8] {
        var bytes = mouseOff
        for name in ["sgr0", "rmkx", "cnorm", "rmcup"] {
            if let text = cncurses_capability(name) { bytes.append(contentsOf: String(cString: text).utf8) }
        }
        return bytes
    }
}

/// The body of the input thread.
private final class InputLoop {
    private let pad: UnsafeMutablePointer<WINDOW>
    private let wake: Int32
    private let continuation: AsyncStream<TerminalEvent>.Continuation
    private let size: () -> (width: Int, height: Int)?

    init(
        _ pad: UnsafeMutablePointer<WINDOW>, _ wake: Int32, _ continuation: AsyncStream<TerminalEvent>.Continuation,
        size: @escaping () -> (width: Int, height: Int)?
    ) {
        self.pad = pad
        self.wake = wake
        self.continuation = continuation
        self.size = size
    }

    func run() {
        while true {
            var waits = [
                pollfd(fd: 0, events: Int16(POLLIN), revents: 0), pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
            ]
            _ = poll(&waits, 2, -1)
            if waits[1].revents != 0, !readWakes() { return }
            if waits[0].revents & Int16(POLLIN) != 0 {
                readKeys()
            } else if waits[0].revents != 0 {
                continuation.yield(.hangup)
                return
            }
        }
    }

    private func readWakes() -> Bool {
        var byte: UInt8 = 0
        while read(wake, &byte, 1) == 1 {
            switch byte {
            case UInt8(ascii: "q"): return false
            case UInt8(ascii: "t"): continuation.yield(.hangup)
            default: if let now = size() { continuation.yield(.resize(width: now.width, height: now.height)) }
            }
        }
        return true
    }

    private func readKeys() {
        while true {
            var code: wint_t = 0
            let kind = wget_wch(pad, &code)
            if kind == ERR { return }
            let isFunction = kind == 0o400
            if isFunction, code == 0o631 {
                readMouse()
            } else if let key = Key(code: Int32(truncatingIfNeeded: code), isFunction: isFunction) {
                continuation.yield(.key(key))
            }
        }
    }

    private func readMouse() {
        var event = MEVENT()
        guard getmouse(&event) == OK else { return }
        let x = Int(event.x)
        let y = Int(event.y)
        if cncurses_is_wheel_up(event.bstate) != 0 {
            continuation.yield(.wheel(-1, x: x, y: y))
        } else if cncurses_is_wheel_down(event.bstate) != 0 {
            continuation.yield(.wheel(1, x: x, y: y))
        } else if cncurses_is_press(event.bstate) != 0 {
            continuation.yield(.click(x: x, y: y))
        }
    }
}
