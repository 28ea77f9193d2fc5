/// A source of lines that waits when it is told to: files, the journal. Stepped by the log worker's thread.
protocol LogInput: AnyObject {
    /// Reads into `builder` what there is, at most about `bytes` of it, with how far it got.
    /// - Parameter now: monotonic nanoseconds.
    /// - Returns: whether there was anything.
    func read(into builder: LogRecordBuilder, bytes: Int, now: UInt64) -> Bool
    /// When to read again without being woken, monotonic nanoseconds.
    var due: UInt64 { get }
}
