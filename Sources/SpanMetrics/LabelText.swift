import Bedrock
import Model

/// Bytes as a label value: repaired where they are no UTF-8, cut at a character when longer than `bytesMax`.
func labelText(_ bytes: UnsafeRawBufferPointer, bytesMax: Int) -> String {
    guard bytes.count > bytesMax else { return String(decoding: bytes, as: UTF8.self) }
    var end = bytesMax
    while end > 0 && bytes[end] & 0xc0 == 0x80 { end -= 1 }
    return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[..<end]), as: UTF8.self)
}

/// An attribute's value as a label value; containers have none.
func labelText(_ value: AttributeBytes, bytesMax: Int) -> String {
    switch value.type {
    case .string: labelText(value.payload, bytesMax: bytesMax)
    case .bool: value.bool ? "true" : "false"
    case .int: String(value.int)
    case .double: NumberText.text(value.double)
    case .empty, .bytes, .array, .map: ""
    }
}

/// An attribute's name as a label name: what Prometheus doesn't allow becomes `_`.
func labelName(_ attribute: String) -> String {
    var name = ""
    for character in attribute.unicodeScalars {
        let isAllowed =
            character.isASCII && (character.properties.isAlphabetic || character.properties.numericType != nil)
        name.unicodeScalars.append(isAllowed ? character : "_")
    }
    if let first = name.unicodeScalars.first, first.properties.numericType != nil { name = "_" + name }
    return name
}
