import Bedrock

/// Bytes of a block with what keeps them alive. Immutable.
package final class BlockBytes: @unchecked Sendable {
    package let bytes: UnsafeRawBufferPointer
    private let owner: AnyObject?
    private let allocation: UnsafeMutableRawPointer?

    package init(_ object: ObjectBytes) {
        bytes = object.bytes
        owner = object.owner
        allocation = nil
    }

    /// A copy of what a buffer holds.
    package init(_ buffer: borrowing ByteBuffer) {
        let copy = UnsafeMutableRawPointer.allocate(byteCount: max(buffer.count, 1), alignment: 16)
        if let source = buffer.bytes.baseAddress { copy.copyMemory(from: source, byteCount: buffer.count) }
        bytes = UnsafeRawBufferPointer(start: copy, count: buffer.count)
        owner = nil
        allocation = copy
    }

    deinit { allocation?.deallocate() }
}
