import Bedrock
import Glibc

/// The whole text of a file of /proc or /sys, and the little parsing those formats need.
///
/// Such files claim to be empty, so they are read until they end; `sizeMax` bounds what a broken one can take.
struct KernelText {
    static let sizeMax = 8 << 20

    let path: String
    let bytes: [UInt8]

    init(_ path: String) throws(HostError) {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw HostError.errno(path) }
        defer { close(descriptor) }
        var content = [UInt8](repeating: 0, count: 4096)
        var filled = 0
        while true {
            if filled == content.count {
                guard filled < Self.sizeMax else { throw .malformed(path: path, "over \(Self.sizeMax) bytes") }
                content.append(contentsOf: repeatElement(0, count: content.count))
            }
            let got = content.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
            }
            if got < 0 {
                if errno == EINTR { continue }
                throw HostError.errno(path)
            }
            if got == 0 { break }
            filled += got
        }
        content.removeLast(content.count - filled)
        bytes = content
    }

    /// The text without white space around it.
    var trimmed: String {
        var slice = bytes[...]
        while let last = slice.last, last <= 32 { slice.removeLast() }
        while let first = slice.first, first <= 32 { slice.removeFirst() }
        return String(decoding: slice, as: UTF8.self)
    }

    /// The text as one number, decimal or (with `0x`) hexadecimal.
    var number: Double? {
        let text = trimmed
        if text.hasPrefix("0x") { return UInt64(text.dropFirst(2), radix: 16).map { Double($0) } }
        return Double(text)
    }

    /// Calls `body` for each line, without its end.
    func forEachLine<E: Error>(_ body: (inout KernelLine) throws(E) -> Void) throws(E) {
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            var line = KernelLine(bytes[start..<end])
            try body(&line)
            start = end + 1
        }
    }

    /// A one-number file, or nil where it is missing, unreadable or something else.
    static func number(_ path: String) -> Double? { (try? KernelText(path))?.number }

    /// A one-line file, or nil where it can't be read.
    static func line(_ path: String) -> String? { (try? KernelText(path))?.trimmed }
}

/// A line, eaten field by field.
struct KernelLine {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var isEmpty: Bool { rest.isEmpty }

    /// What is left, without blanks around it.
    var remainder: String {
        var slice = rest
        while let first = slice.first, first == 32 || first == 9 { slice.removeFirst() }
        while let last = slice.last, last == 32 || last == 9 { slice.removeLast() }
        return String(decoding: slice, as: UTF8.self)
    }

    /// The next field; blanks and tabs separate.
    mutating func field() -> String? { bytes().map { String(decoding: $0, as: UTF8.self) } }

    /// The next field as a number.
    mutating func number() -> Double? { bytes().flatMap(Self.number) }

    /// Skips `count` fields.
    mutating func skip(_ count: Int) {
        for _ in 0..<count { _ = bytes() }
    }

    /// The text up to `separator`, which is eaten too; nil, and nothing eaten, where it doesn't occur.
    mutating func until(_ separator: Character) -> String? {
        guard let code = separator.asciiValue, let at = rest.firstIndex(of: code) else { return nil }
        defer { rest = rest[(at + 1)...] }
        return KernelLine(rest[..<at]).remainder
    }

    /// All that follows, as numbers, up to the first field that is none.
    mutating func numbers() -> [Double] {
        var result: [Double] = []
        while let value = number() { result.append(value) }
        return result
    }

    private mutating func bytes() -> ArraySlice<UInt8>? {
        while let first = rest.first, first == 32 || first == 9 { rest.removeFirst() }
        guard !rest.isEmpty else { return nil }
        let end = rest.firstIndex { $0 == 32 || $0 == 9 } ?? rest.endIndex
        defer { rest = rest[end...] }
        return rest[..<end]
    }

    /// Plain digits are the rule, so they don't go through `String`.
    private static func number(_ text: ArraySlice<UInt8>) -> Double? {
        var value: UInt64 = 0
        for c in text {
            guard c >= 48, c <= 57, value <= (UInt64.max - 9) / 10 else {
                return Double(String(decoding: text, as: UTF8.self))
            }
            value = value * 10 + UInt64(c - 48)
        }
        return text.isEmpty ? nil : Double(value)
    }
}

extension HostError {
    static func errno(_ path: String) -> HostError {
        let code = Glibc.errno
        return .unreadable(path: path, code: code, text: String(cString: strerror(code)))
    }
}

/// Names in a directory, sorted.
func kernelDirectory(_ path: String) throws(HostError) -> [String] {
    do { return try PosixFileSystem().list(path) } catch {
        throw .unreadable(path: path, code: error.code, text: error.text)
    }
}
