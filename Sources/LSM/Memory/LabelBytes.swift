import Bedrock
import Glibc
import Model

/// memcmp order, the shorter first on a tie; negative, zero or positive.
@inlinable @inline(__always)
package func compareMemory(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let shared = min(a.count, b.count)
    if shared > 0, let x = a.baseAddress, let y = b.baseAddress {
        let order = memcmp(x, y, shared)
        if order != 0 { return Int(order) }
    }
    return a.count - b.count
}

/// The order of `Labels`, on canonical bytes: label by label, name before value, the shorter set first.
package func compareLabels(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    var x = LabelCursor(a)
    var y = LabelCursor(b)
    while true {
        let more = x.next()
        guard y.next() else { return more ? 1 : 0 }
        guard more else { return -1 }
        let names = compareMemory(x.name, y.name)
        if names != 0 { return names }
        let values = compareMemory(x.value, y.value)
        if values != 0 { return values }
    }
}

/// Whether bytes are a canonical label set: whole, names ascending and unique, names and values not empty.
package func isCanonical(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var reader = ByteReader(bytes)
    var previous = UnsafeRawBufferPointer(start: nil, count: 0)
    do throws(DecodeError) {
        while !reader.isAtEnd {
            let name = try reader.prefixed()
            let value = try reader.prefixed()
            guard name.count > 0, value.count > 0 else { return false }
            if previous.count > 0, compareBytes(previous, name) >= 0 { return false }
            previous = name
        }
    } catch {
        return false
    }
    return true
}
