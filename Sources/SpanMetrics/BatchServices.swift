import Bedrock
import Model

/// What the metrics of a batch's spans need of their resources, looked up once a resource.
struct BatchServices {
    /// `service.name` of each resource, where it lies in the arena.
    private(set) var names: [UnsafeRawBufferPointer] = []
    /// Values of the wanted dimensions of each resource.
    private(set) var dimensions: [[AttributeBytes?]] = []

    static let unknown: StaticString = "unknown_service"

    init(_ batch: SpanBatch, arena: UnsafeRawBufferPointer, dimensions wanted: [[UInt8]]) {
        names.reserveCapacity(batch.resources.count)
        for resource in batch.resources {
            var name = UnsafeRawBufferPointer(
                start: Self.unknown.utf8Start, count: Self.unknown.utf8CodeUnitCount)
            var values = [AttributeBytes?](repeating: nil, count: wanted.count)
            var cursor = AttributeCursor(arena[resource.attributes])
            while cursor.next() {
                if cursor.value.type == .string, cursor.value.payload.count > 0, cursor.key.isEqual(to: "service.name")
                {
                    name = cursor.value.payload
                }
                for (index, key) in wanted.enumerated() where cursor.key.elementsEqual(key) {
                    values[index] = cursor.value
                }
            }
            names.append(name)
            dimensions.append(values)
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether these are the bytes of `text`.
    func isEqual(to text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount
            && elementsEqual(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
