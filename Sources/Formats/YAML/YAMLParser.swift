import Bedrock
import CYaml

extension YAMLNode {
    /// Reads a YAML 1.1 file of one document; an empty one is a null scalar.
    public init(
        parsing bytes: UnsafeRawBufferPointer, file: String, limits: YAMLLimits = YAMLLimits()
    ) throws(YAMLError) {
        let parser = YAMLParser(bytes: bytes, file: file, limits: limits)
        self = try parser.document()
    }

    public init(parsing text: String, file: String, limits: YAMLLimits = YAMLLimits()) throws(YAMLError) {
        let bytes = Array(text.utf8)
        self = try bytes.withUnsafeBufferPointer { (buffer) throws(YAMLError) in
            try YAMLNode(parsing: UnsafeRawBufferPointer(buffer), file: file, limits: limits)
        }
    }
}

/// Builds the tree from libyaml's events. The recursion is bounded by `depthMax`, the work by `nodesMax`.
private final class YAMLParser {
    /// A finished node with what it costs to spell out.
    struct Built {
        var node: YAMLNode
        var nodeCount: Int
        var depth: Int
    }

    private let file: String
    private let limits: YAMLLimits
    private let byteCount: Int
    /// On the heap because libyaml keeps pointers into it.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private var anchors: [String: Built] = [:]
    /// Anchors of collections that are being read: an alias to one would be a cycle.
    private var open: Set<String> = []
    private var nodeCount = 0

    init(bytes: UnsafeRawBufferPointer, file: String, limits: YAMLLimits) {
        self.file = file
        self.limits = limits
        byteCount = bytes.count
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        let started = yaml_parser_initialize(parser)
        precondition(started == 1, "libyaml has no memory for a parser")
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        if let start = bytes.baseAddress {
            yaml_parser_set_input_string(parser, start.assumingMemoryBound(to: UInt8.self), bytes.count)
        } else {
            yaml_parser_set_input_string(parser, "", 0)
        }
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deinitialize(count: 1)
        parser.deallocate()
    }

    func document() throws(YAMLError) -> YAMLNode {
        let start = TextPosition(line: 1, column: 1)
        guard byteCount <= limits.bytesMax else {
            throw error("document of \(byteCount) bytes is over \(limits.bytesMax)", at: start)
        }
        _ = try next()  // stream start
        var event = try next()
        if event.type == YAML_STREAM_END_EVENT { return YAMLNode(.scalar("", .plain), at: start) }
        event = try next()
        let root = try node(event, depth: 0).node
        _ = try next()  // document end
        let trailing = try next()
        guard trailing.type == YAML_STREAM_END_EVENT else {
            throw error("a second document begins here; one file holds one", at: trailing.position)
        }
        return root
    }

    /// An event, its C memory released already.
    private struct Event {
        var type: yaml_event_type_t
        var position: TextPosition
        var anchor: String?
        var text = ""
        var style = YAMLNode.ScalarStyle.plain
    }

    private func next() throws(YAMLError) -> Event {
        var raw = yaml_event_t()
        guard yaml_parser_parse(parser, &raw) == 1 else { throw parserError() }
        defer { yaml_event_delete(&raw) }
        var event = Event(type: raw.type, position: position(raw.start_mark))
        switch raw.type {
        case YAML_SCALAR_EVENT:
            event.anchor = string(raw.data.scalar.anchor)
            event.text = String(
                decoding: UnsafeBufferPointer(start: raw.data.scalar.value, count: raw.data.scalar.length),
                as: UTF8.self)
            event.style =
                switch raw.data.scalar.style {
                case YAML_SINGLE_QUOTED_SCALAR_STYLE: .singleQuoted
                case YAML_DOUBLE_QUOTED_SCALAR_STYLE: .doubleQuoted
                case YAML_LITERAL_SCALAR_STYLE: .literal
                case YAML_FOLDED_SCALAR_STYLE: .folded
                default: .plain
                }
            // `!!str 5` is a string however it is written.
            if event.style == .plain, string(raw.data.scalar.tag) == "tag:yaml.org,2002:str" {
                event.style = .doubleQuoted
            }
        case YAML_SEQUENCE_START_EVENT: event.anchor = string(raw.data.sequence_start.anchor)
        case YAML_MAPPING_START_EVENT: event.anchor = string(raw.data.mapping_start.anchor)
        case YAML_ALIAS_EVENT: event.anchor = string(raw.data.alias.anchor)
        default: break
        }
        return event
    }

    private func string(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? { text.map { String(cString: $0) } }

    private func node(_ event: Event, depth: Int) throws(YAMLError) -> Built {
        guard depth <= limits.depthMax else {
            throw error("nested deeper than \(limits.depthMax) levels", at: event.position)
        }
        if event.type == YAML_ALIAS_EVENT { return try alias(event, depth: depth) }
        try count(1, at: event.position)
        var built: Built
        switch event.type {
        case YAML_SCALAR_EVENT:
            built = Built(node: YAMLNode(.scalar(event.text, event.style), at: event.position), nodeCount: 1, depth: 0)
        case YAML_SEQUENCE_START_EVENT, YAML_MAPPING_START_EVENT:
            if let anchor = event.anchor { open.insert(anchor) }
            built =
                event.type == YAML_SEQUENCE_START_EVENT
                ? try sequence(at: event.position, depth: depth) : try mapping(at: event.position, depth: depth)
            if let anchor = event.anchor { open.remove(anchor) }
        default: throw error("unexpected YAML structure", at: event.position)
        }
        if let anchor = event.anchor { anchors[anchor] = built }
        return built
    }

    private func alias(_ event: Event, depth: Int) throws(YAMLError) -> Built {
        let name = event.anchor ?? ""
        if open.contains(name) { throw error("alias *\(name) stands inside what it refers to", at: event.position) }
        guard let target = anchors[name] else {
            throw error(
                "alias *\(name) has no anchor before it" + Suggestion.hint(name, in: anchors.keys.sorted()),
                at: event.position)
        }
        guard depth + target.depth <= limits.depthMax else {
            throw error("nested deeper than \(limits.depthMax) levels through alias *\(name)", at: event.position)
        }
        try count(target.nodeCount, at: event.position)
        return target
    }

    private func count(_ nodes: Int, at position: TextPosition) throws(YAMLError) {
        nodeCount += nodes
        guard nodeCount <= limits.nodesMax else {
            throw error("more than \(limits.nodesMax) nodes, aliases spelled out", at: position)
        }
    }

    private func sequence(at position: TextPosition, depth: Int) throws(YAMLError) -> Built {
        var elements: [YAMLNode] = []
        var nodeCount = 1
        var below = 0
        while true {
            let event = try next()
            if event.type == YAML_SEQUENCE_END_EVENT { break }
            let element = try node(event, depth: depth + 1)
            elements.append(element.node)
            nodeCount += element.nodeCount
            below = max(below, element.depth)
        }
        return Built(node: YAMLNode(.sequence(elements), at: position), nodeCount: nodeCount, depth: below + 1)
    }

    private func mapping(at position: TextPosition, depth: Int) throws(YAMLError) -> Built {
        var entries: [YAMLEntry] = []
        var keys: [String: TextPosition] = [:]
        var merged: [YAMLEntry] = []
        var nodeCount = 1
        var below = 0
        while true {
            let keyEvent = try next()
            if keyEvent.type == YAML_MAPPING_END_EVENT { break }
            let keyNode = try node(keyEvent, depth: depth + 1).node
            guard case .scalar(let key, let style) = keyNode.content else {
                throw error("a key must be plain text", at: keyEvent.position)
            }
            let value = try node(try next(), depth: depth + 1)
            nodeCount += 1 + value.nodeCount
            below = max(below, value.depth)
            if key == "<<", style == .plain {
                merged += try mergedEntries(value.node)
                continue
            }
            if let first = keys[key] {
                throw error(
                    "key \"\(key)\" is repeated; it stands in line \(first.line) already", at: keyEvent.position)
            }
            keys[key] = keyEvent.position
            entries.append(YAMLEntry(key: key, keyPosition: keyEvent.position, value: value.node))
        }
        for entry in merged where keys[entry.key] == nil {
            keys[entry.key] = entry.keyPosition
            entries.append(entry)
        }
        return Built(node: YAMLNode(.mapping(entries), at: position), nodeCount: nodeCount, depth: below + 1)
    }

    /// What `<<` brings in: the entries of a mapping, or of several, the earlier ones first.
    private func mergedEntries(_ node: YAMLNode) throws(YAMLError) -> [YAMLEntry] {
        switch node.content {
        case .mapping(let entries): return entries
        case .sequence(let nodes):
            var entries: [YAMLEntry] = []
            for element in nodes {
                guard let more = element.mapping else {
                    throw error("<< takes a mapping, or a list of them", at: element.position)
                }
                entries += more
            }
            return entries
        case .scalar: throw error("<< takes a mapping, or a list of them", at: node.position)
        }
    }

    private func position(_ mark: yaml_mark_t) -> TextPosition {
        TextPosition(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }

    private func error(_ reason: String, at position: TextPosition) -> YAMLError {
        YAMLError(reason, file: file, at: position)
    }

    private func parserError() -> YAMLError {
        var reason = parser.pointee.problem.map { String(cString: $0) } ?? "not readable as YAML"
        if let context = parser.pointee.context { reason += " " + String(cString: context) }
        switch parser.pointee.error {
        case YAML_READER_ERROR:
            // The reader knows bytes only, and not the line.
            return error(reason + " (byte \(parser.pointee.problem_offset))", at: position(parser.pointee.mark))
        case YAML_MEMORY_ERROR: return error("out of memory", at: position(parser.pointee.mark))
        default: return error(reason, at: position(parser.pointee.problem_mark))
        }
    }
}
