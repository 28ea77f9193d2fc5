import Bedrock
import Model

/// The labels of the row in work: stream labels, structured metadata and what the pipeline made of them. Not thread-safe.
///
/// One slot a name; setting and looking up are array accesses by the name's number. Values are not copied: they point into the stream's
/// labels, the row, or the scratch arena, and are valid until the next row begins.
///
/// Who gets a name that several want: the stream, then structured metadata, then the parsers. A value that loses goes by
/// `<name>_extracted`, and there the parsers win. Among parsed values the first one stays.
final class RowLabels {
    struct Slot {
        var value = UnsafeRawBufferPointer(start: nil, count: 0)
        /// The row that wrote the slot; the slot is empty for any other.
        var row: UInt64 = 0
        var category = LabelCategory.parsed
        var isPresent = false
        /// The stream or the metadata has the name, so that parsers don't get it, dropped or not.
        var isReserved = false
        /// A parser has set it on this row, so that no parser does again.
        var isExtracted = false
        /// To be left out of the row's labels, but not of look-ups (`unwrap`).
        var isHidden = false
    }

    let names: LabelNames
    @exclusivity(unchecked) private var slots: UnsafeMutableBufferPointer<Slot>
    @exclusivity(unchecked) private var row: UInt64 = 0
    /// Numbers of the names written on this row, in order, without repetition.
    @exclusivity(unchecked) private var touched: ContiguousArray<Int32> = []
    @exclusivity(unchecked) private var streamIDs: ContiguousArray<Int32> = []
    @exclusivity(unchecked) private var streamValues: ContiguousArray<UnsafeRawBufferPointer> = []
    private var streamBytes = ByteBuffer(capacity: 512)
    @exclusivity(unchecked) private var streamEpoch = -1
    /// Whether a stream label was dropped, hidden or overwritten on this row.
    @exclusivity(unchecked) private(set) var isStreamChanged = false
    /// What the label `__error__` says.
    @exclusivity(unchecked) private(set) var error: PipelineErrorKind?
    private let errorID: Int32
    private let errorDetailsID: Int32
    private let order: LabelOrder

    init(_ names: LabelNames) {
        self.names = names
        order = LabelOrder(names)
        errorID = names.pin("__error__")
        errorDetailsID = names.pin("__error_details__")
        slots = .allocate(capacity: 256)
        slots.initialize(repeating: Slot())
    }

    deinit { slots.deallocate() }

    // MARK: Beginning a row

    /// The stream of the rows to come; canonical bytes, copied.
    func setStream(_ canonical: UnsafeRawBufferPointer) {
        streamBytes.clear()
        streamBytes.append(canonical)
        internStream()
    }

    private func internStream() {
        streamEpoch = names.epoch
        streamIDs.removeAll(keepingCapacity: true)
        streamValues.removeAll(keepingCapacity: true)
        var cursor = LabelCursor(streamBytes.bytes)
        while cursor.next() {
            streamIDs.append(names.id(cursor.name))
            streamValues.append(cursor.value)
        }
    }

    /// Forgets the last row; the new one has the stream's labels and `metadata` (canonical bytes, to stay valid for the row).
    func begin(metadata: UnsafeRawBufferPointer) {
        row &+= 1
        touched.removeAll(keepingCapacity: true)
        isStreamChanged = false
        error = nil
        if streamEpoch != names.epoch { internStream() }
        for i in streamIDs.indices {
            write(streamIDs[i], streamValues[i], .stream)
            slots[Int(streamIDs[i])].isReserved = true
        }
        guard metadata.count > 0 else { return }
        var cursor = LabelCursor(metadata)
        while cursor.next() {
            let id = names.id(cursor.name)
            if has(id) {
                write(names.extracted(id), cursor.value, .structuredMetadata)
            } else {
                write(id, cursor.value, .structuredMetadata)
                slots[Int(id)].isReserved = true
            }
        }
    }

    // MARK: Writing

    private func grow(_ count: Int) {
        var capacity = slots.count
        while capacity <= count { capacity *= 2 }
        let larger = UnsafeMutableBufferPointer<Slot>.allocate(capacity: capacity)
        larger.initialize(repeating: Slot())
        for i in slots.indices { larger[i] = slots[i] }
        slots.deallocate()
        slots = larger
    }

    @inline(__always)
    private func write(_ id: Int32, _ value: UnsafeRawBufferPointer, _ category: LabelCategory) {
        let index = Int(id)
        if index >= slots.count { grow(index) }
        if slots[index].row != row {
            touched.append(id)
            slots[index] = Slot(value: value, row: row, category: category, isPresent: true)
            return
        }
        if slots[index].isPresent, slots[index].category == .stream { isStreamChanged = true }
        slots[index].value = value
        slots[index].category = category
        slots[index].isPresent = true
        slots[index].isHidden = false
    }

    /// The name under which a parser's value for `id` goes; nil when it is not to be set, as a parser did already.
    @inline(__always)
    func target(_ id: Int32) -> Int32? {
        var id = id
        if Int(id) < slots.count, slots[Int(id)].row == row, slots[Int(id)].isReserved { id = names.extracted(id) }
        guard Int(id) < slots.count, slots[Int(id)].row == row else { return id }
        return slots[Int(id)].isExtracted ? nil : id
    }

    /// Sets what a parser found, under a name that `target` gave.
    @inline(__always)
    func setExtracted(_ target: Int32, _ value: UnsafeRawBufferPointer) {
        write(target, value, .parsed)
        slots[Int(target)].isExtracted = true
    }

    /// Sets a label whatever it was before.
    func set(_ id: Int32, _ value: UnsafeRawBufferPointer, _ category: LabelCategory = .parsed) {
        write(id, value, category)
    }

    func remove(_ id: Int32) {
        guard Int(id) < slots.count, slots[Int(id)].row == row, slots[Int(id)].isPresent else { return }
        if slots[Int(id)].category == .stream { isStreamChanged = true }
        slots[Int(id)].isPresent = false
        if id == errorID { error = nil }
    }

    /// Leaves the label out of the row's labels; `value` still finds it.
    func hide(_ id: Int32) {
        guard has(id) else { return }
        if slots[Int(id)].category == .stream { isStreamChanged = true }
        slots[Int(id)].isHidden = true
    }

    /// Removes all labels that `isKept` denies.
    func removeAll(except isKept: (Int32, UnsafeRawBufferPointer) -> Bool) {
        for id in touched where slots[Int(id)].isPresent && !isKept(id, slots[Int(id)].value) { remove(id) }
    }

    /// Sets `__error__` and `__error_details__`.
    /// - Parameter details: valid for the row.
    func setError(_ kind: PipelineErrorKind, details: UnsafeRawBufferPointer) {
        error = kind
        write(errorID, kind.bytes, .parsed)
        write(errorDetailsID, details, .parsed)
    }

    func setError(_ kind: PipelineErrorKind, details: StaticString) {
        setError(kind, details: UnsafeRawBufferPointer(start: details.utf8Start, count: details.utf8CodeUnitCount))
    }

    func isErrorLabel(_ id: Int32) -> Bool { id == errorID || id == errorDetailsID }

    /// What the label `__error_details__` says.
    var errorDetails: UnsafeRawBufferPointer { value(errorDetailsID) ?? UnsafeRawBufferPointer(start: nil, count: 0) }

    // MARK: Reading

    @inline(__always)
    func has(_ id: Int32) -> Bool {
        Int(id) < slots.count && slots[Int(id)].row == row && slots[Int(id)].isPresent
    }

    @inline(__always)
    func value(_ id: Int32) -> UnsafeRawBufferPointer? {
        guard has(id) else { return nil }
        return slots[Int(id)].value
    }

    /// Calls `body` for each label that is present, hidden ones left out, in no order.
    func forEach(_ body: (Int32, UnsafeRawBufferPointer, LabelCategory) -> Void) {
        for id in touched {
            let slot = slots[Int(id)]
            if slot.isPresent, !slot.isHidden { body(id, slot.value, slot.category) }
        }
    }

    /// As `forEach`, by name.
    func forEachSorted(_ body: (Int32, UnsafeRawBufferPointer, LabelCategory) -> Void) {
        order.arrange(touched)
        for id in order.sorted {
            let slot = slots[Int(id)]
            if slot.isPresent, !slot.isHidden { body(id, slot.value, slot.category) }
        }
    }

    /// The category of a label that is present.
    func category(_ id: Int32) -> LabelCategory? { has(id) ? slots[Int(id)].category : nil }

    /// As `value`, for the row's labels: nil for a hidden one.
    func shownValue(_ id: Int32) -> UnsafeRawBufferPointer? {
        guard has(id), !slots[Int(id)].isHidden else { return nil }
        return slots[Int(id)].value
    }
}

/// Sorts the names of a row. Rows mostly have the names of the row before, in the same order: then nothing is compared but numbers.
private final class LabelOrder {
    private let names: LabelNames
    @exclusivity(unchecked) private var last: ContiguousArray<Int32> = []
    @exclusivity(unchecked) private var epoch = -1
    @exclusivity(unchecked) private(set) var sorted: ContiguousArray<Int32> = []

    init(_ names: LabelNames) { self.names = names }

    func arrange(_ ids: ContiguousArray<Int32>) {
        if epoch == names.epoch, last == ids { return }
        epoch = names.epoch
        last.removeAll(keepingCapacity: true)
        last.append(contentsOf: ids)
        sorted.removeAll(keepingCapacity: true)
        sorted.append(contentsOf: ids)
        sorted.sort { compareBytes(names.name($0), names.name($1)) < 0 }
    }
}
