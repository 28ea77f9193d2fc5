import CNcurses
import Glibc
import Synchronization

/// Puts the terminal back as it was when the process ends in a way that runs no ordinary code: signals and crashes.
///
/// All that a handler touches is prepared beforehand in memory that is never freed, and it calls only `write`, `tcsetattr`, `raise`,
/// which POSIX allows in handlers. State is process-wide because signals are.
enum TerminalRestore {
    /// A byte a signal handler writes here wakes the input thread: `w` a new window size, `t` an order to end.
    static let wakeDescriptor = Atomic<Int32>(-1)

    private static let armed = Atomic<Bool>(false)
    private static let sequenceAddress = Atomic<UInt>(0)
    private static let sequenceCount = Atomic<Int>(0)
    private static let settingsAddress = Atomic<UInt>(0)
    private static let descriptor = Atomic<Int32>(1)

    /// Remembers what restores the terminal behind `target`, and installs the handlers.
    static func arm(target: Int32, sequence: [UInt8], settings: termios) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, sequence.count), alignment: 1)
        bytes.copyBytes(from: sequence)
        let saved = UnsafeMutablePointer<termios>.allocate(capacity: 1)
        saved.initialize(to: settings)
        descriptor.store(target, ordering: .relaxed)
        sequenceAddress.store(UInt(bitPattern: bytes.baseAddress), ordering: .relaxed)
        sequenceCount.store(sequence.count, ordering: .relaxed)
        settingsAddress.store(UInt(bitPattern: saved), ordering: .relaxed)
        armed.store(true, ordering: .releasing)
        for number in [SIGTERM, SIGINT, SIGHUP, SIGQUIT] { cncurses_on_signal(number, endHandler, 0) }
        for number in [SIGSEGV, SIGBUS, SIGILL, SIGABRT, SIGFPE, SIGTRAP] {
            cncurses_on_signal(number, crashHandler, 1)
        }
        cncurses_on_signal(SIGWINCH, sizeHandler, 0)
        cncurses_on_signal(SIGCONT, sizeHandler, 0)
    }

    /// After an orderly end: nothing is left to restore, signals do again what they do by default.
    static func disarm() {
        armed.store(false, ordering: .releasing)
        for number in [
            SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGSEGV, SIGBUS, SIGILL, SIGABRT, SIGFPE, SIGTRAP, SIGWINCH, SIGCONT,
        ] {
            signal(number, SIG_DFL)
        }
    }

    /// Async-signal-safe; does its work once per `arm`.
    static func restore() {
        guard armed.exchange(false, ordering: .acquiringAndReleasing) else { return }
        let target = descriptor.load(ordering: .relaxed)
        if let bytes = UnsafeRawPointer(bitPattern: sequenceAddress.load(ordering: .relaxed)) {
            _ = write(target, bytes, sequenceCount.load(ordering: .relaxed))
        }
        if let saved = UnsafePointer<termios>(bitPattern: settingsAddress.load(ordering: .relaxed)) {
            _ = tcsetattr(target, TCSADRAIN, saved)
        }
    }

    static func wake(_ reason: UInt8) {
        let pipe = wakeDescriptor.load(ordering: .relaxed)
        guard pipe >= 0 else { return }
        var byte = reason
        _ = write(pipe, &byte, 1)
    }
}

private func endHandler(_ number: Int32) {
    let saved = errno
    TerminalRestore.wake(UInt8(ascii: "t"))
    errno = saved
}

private func sizeHandler(_ number: Int32) {
    let saved = errno
    TerminalRestore.wake(UInt8(ascii: "w"))
    errno = saved
}

private func crashHandler(_ number: Int32) {
    // Installed for one shot: raising again ends the process the usual way, with its core dump and exit code.
    TerminalRestore.restore()
    raise(number)
}
