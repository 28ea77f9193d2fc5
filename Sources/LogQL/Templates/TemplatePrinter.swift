import Bedrock
import Model

/// Values as text, as Go prints them.
enum TemplatePrinter {
    /// As an action writes a value.
    static func write<Root: TemplateRoot>(_ value: TemplateValue, _ root: Root, _ out: inout ByteBuffer) {
        if case .root = value { return write(.map(root.map()), &out) }
        write(value, &out)
    }

    /// Go's `%v`.
    static func write(_ value: TemplateValue, _ out: inout ByteBuffer) {
        switch value {
        case .none: out.append(utf8: "<no value>" as StaticString)
        case .text(let text): out.append(text)
        case .integer(let value): out.append(decimal: value)
        case .number(let value): out.append(float: value, .general)
        case .bool(let value): out.append(utf8: value ? "true" as StaticString : "false" as StaticString)
        case .time(let time): time.write(&out)
        case .duration(let value): GoDuration.format(value, &out)
        case .list(let values):
            out.append(UInt8(ascii: "["))
            for (i, value) in values.enumerated() {
                if i > 0 { out.append(UInt8(ascii: " ")) }
                write(value, &out)
            }
            out.append(UInt8(ascii: "]"))
        case .map(let map):
            out.append(utf8: "map[" as StaticString)
            for i in 0..<map.count {
                if i > 0 { out.append(UInt8(ascii: " ")) }
                out.append(map[i].key)
                out.append(UInt8(ascii: ":"))
                write(map[i].value, &out)
            }
            out.append(UInt8(ascii: "]"))
        case .root: out.append(utf8: "map[]" as StaticString)
        case .object(let object): object.write(into: &out)
        }
    }
}
