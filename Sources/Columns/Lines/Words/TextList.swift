import Bedrock
import Model

/// Texts one behind the other, as a value: what a `LineArena` is, without its checks of access, for loops over single words.
struct TextList: ~Copyable {
    private(set) var bytes = ByteBuffer(capacity: 256)
    private(set) var starts: ContiguousArray<Int> = [0]

    init() {}

    var count: Int { starts.count - 1 }
    var memoryBytes: Int { bytes.allocatedBytes + starts.capacity * 8 }

    /// The texts as they are now.
    var view: TextView { TextView(bytes: bytes.bytes, starts: starts) }

    subscript(index: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes.bytes[starts[index]..<starts[index + 1]])
    }

    mutating func append(_ text: UnsafeRawBufferPointer) {
        bytes.append(text)
        starts.append(bytes.count)
    }

    mutating func clear() {
        bytes.clear()
        starts.removeAll(keepingCapacity: true)
        starts.append(0)
    }
}

/// The texts of an arena or a list, valid until those change.
struct TextView {
    let bytes: UnsafeRawBufferPointer
    let starts: ContiguousArray<Int>

    init(bytes: UnsafeRawBufferPointer, starts: ContiguousArray<Int>) {
        self.bytes = bytes
        self.starts = starts
    }

    init(_ arena: LineArena) { self.init(bytes: arena.bytes.bytes, starts: arena.starts) }

    var count: Int { starts.count - 1 }

    @inline(__always) subscript(index: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[starts[index]..<starts[index + 1]])
    }
}

extension LineArena {
    /// Appends all texts of `view`, which are not of this arena.
    func append(all view: TextView) {
        append(count: view.count, bytesMax: view.bytes.count) { index, target in
            target.assumingMemoryBound(to: UInt8.self).copy(view[index])
        }
    }

    /// Appends the texts of `view` with these numbers.
    func append(_ numbers: ContiguousArray<Int32>, of view: TextView) {
        var bytes = 0
        for number in numbers { bytes += view[Int(number)].count }
        append(count: numbers.count, bytesMax: bytes) { index, target in
            target.assumingMemoryBound(to: UInt8.self).copy(view[Int(numbers[index])])
        }
    }
}
