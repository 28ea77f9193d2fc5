import CRE2

/// A pattern that RE2 refused.
public struct RegexError: Error, Equatable, Sendable, CustomStringConvertible {
    public let pattern: String
    public let reason: String

    public var description: String { "invalid regular expression \"\(pattern)\": \(reason)" }
}

/// A compiled RE2 expression: linear time, whatever the pattern. Immutable and thread-safe.
public final class RegularExpression: @unchecked Sendable {
    // RE2's const methods are thread-safe, and the pointer never changes.
    private let handle: OpaquePointer
    public let pattern: String

    /// - Parameters:
    ///   - anchored: match whole texts only, `.` including newlines, as matchers do (`^(?s:…)$`).
    ///   - memoryMax: bound on the compiled program, in bytes; a larger one is refused.
    public init(_ pattern: String, anchored: Bool, memoryMax: Int64 = 8 << 20) throws(RegexError) {
        self.pattern = pattern
        var copy = pattern
        handle = copy.withUTF8 { text in
            text.withMemoryRebound(to: CChar.self) { chars in
                var empty: CChar = 0
                return withUnsafePointer(to: &empty) {
                    cre2_compile(chars.baseAddress ?? $0, chars.count, anchored ? 1 : 0, memoryMax)
                }
            }
        }
        if let error = cre2_error(handle) {
            // All properties are set, so the throw runs `deinit`, which frees the handle.
            throw RegexError(pattern: pattern, reason: String(cString: error))
        }
    }

    deinit { cre2_free(handle) }

    public func matches(_ text: UnsafeRawBufferPointer) -> Bool {
        var empty: CChar = 0
        return withUnsafePointer(to: &empty) {
            cre2_matches(handle, text.assumingMemoryBound(to: CChar.self).baseAddress ?? $0, text.count) != 0
        }
    }

    public func matches(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { matches(UnsafeRawBufferPointer($0)) }
    }

    /// How many capture groups the pattern has, group 0 not counted.
    public var groupCount: Int { Int(cre2_group_count(handle)) }

    /// The index of the group called `name`.
    public func groupIndex(_ name: String) -> Int? {
        var name = name
        let index = name.withUTF8 { text in
            text.withMemoryRebound(to: CChar.self) { chars in
                chars.baseAddress.map { cre2_group_index(handle, $0, chars.count) } ?? -1
            }
        }
        return index < 0 ? nil : Int(index)
    }

    /// Byte ranges of the groups of the first match at or behind `from`, group 0 first; nil where there is no match.
    public func captures(_ text: UnsafeRawBufferPointer, from: Int = 0) -> [Range<Int>?]? {
        let groups = groupCount + 1
        var offsets = [Int64](repeating: -1, count: groups * 2)
        var empty: CChar = 0
        let hit = withUnsafePointer(to: &empty) {
            cre2_captures_from(
                handle, text.assumingMemoryBound(to: CChar.self).baseAddress ?? $0, text.count, from, &offsets,
                Int32(groups)) != 0
        }
        guard hit else { return nil }
        return (0..<groups).map { offsets[$0 * 2] < 0 ? nil : Int(offsets[$0 * 2])..<Int(offsets[$0 * 2 + 1]) }
    }

    /// As `captures`, without allocating: start and end offsets of the groups, -1 where one took no part, in `offsets`, which has room for
    /// `2 * (groupCount + 1)` of them. False, with `offsets` as it was, where there is no match.
    public func captures(_ text: UnsafeRawBufferPointer, from: Int = 0, into offsets: inout [Int64]) -> Bool {
        let groups = groupCount + 1
        precondition(offsets.count >= groups * 2, "room for \(offsets.count) offsets of \(groups) groups")
        var empty: CChar = 0
        return withUnsafePointer(to: &empty) {
            cre2_captures_from(
                handle, text.assumingMemoryBound(to: CChar.self).baseAddress ?? $0, text.count, from, &offsets,
                Int32(groups)) != 0
        }
    }

    /// The name of group `index`; nil when it has none.
    public func groupName(_ index: Int) -> String? {
        var buffer = [CChar](repeating: 0, count: 256)
        let count = cre2_group_name(handle, Int32(truncatingIfNeeded: index), &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Expands a Go-style template (`$1`, `${1}`, `$name`, `$$`) for a match of `text`; nil where `text` doesn't match.
    public func expand(_ template: String, matching text: String) -> String? {
        var text = text
        return text.withUTF8 { buffer -> String? in
            let raw = UnsafeRawBufferPointer(buffer)
            guard let groups = captures(raw) else { return nil }
            return GoTemplate.expand(template) { reference in
                let index = Int(reference) ?? groupIndex(reference)
                guard let index, index >= 0, index < groups.count, let range = groups[index] else { return "" }
                return String(decoding: raw[range], as: UTF8.self)
            }
        }
    }
}

/// Go's `Regexp.Expand` template syntax.
enum GoTemplate {
    static func expand(_ template: String, _ lookup: (String) -> String) -> String {
        var out = ""
        let bytes = Array(template.utf8)
        var i = 0
        var literalStart = 0
        func flush(_ end: Int) { out += String(decoding: bytes[literalStart..<end], as: UTF8.self) }
        func isWord(_ c: UInt8) -> Bool {
            (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c == 95
        }
        while i < bytes.count {
            guard bytes[i] == UInt8(ascii: "$") else {
                i += 1
                continue
            }
            if i + 1 < bytes.count, bytes[i + 1] == UInt8(ascii: "$") {
                flush(i + 1)
                i += 2
                literalStart = i
                continue
            }
            let braced = i + 1 < bytes.count && bytes[i + 1] == UInt8(ascii: "{")
            let nameStart = braced ? i + 2 : i + 1
            var end = nameStart
            while end < bytes.count, isWord(bytes[end]) { end += 1 }
            if end == nameStart || (braced && (end >= bytes.count || bytes[end] != UInt8(ascii: "}"))) {
                i += 1  // Malformed: Go keeps the text as it is.
                continue
            }
            flush(i)
            out += lookup(String(decoding: bytes[nameStart..<end], as: UTF8.self))
            i = braced ? end + 1 : end
            literalStart = i
        }
        flush(bytes.count)
        return out
    }
}
