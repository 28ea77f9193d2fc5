/// Keeps account of what a queue's records say beside what they deliver. Called on the queue's thread.
protocol DiskQueueWitness: AnyObject {
    /// Up to which sequence of the queue with this identity it has everything.
    func accountedFor(identity: UInt64) -> UInt64
    /// A whole record above that, found at the start, delivered or not.
    func found(_ sequence: UInt64, _ payload: [UInt8])
    /// Whether the records up to `sequence` may go; false keeps their file until it is asked again.
    func mayRemove(through sequence: UInt64) -> Bool
}
