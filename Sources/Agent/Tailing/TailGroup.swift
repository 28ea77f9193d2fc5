import Bedrock
import Model

/// A path that a pattern found, with what stands there and what stood there before. Stepped by one thread.
final class TailGroup {
    let job: TailJob
    let path: String
    /// Of every line, before stages.
    let labels: Labels
    /// What stands at the path; nil once it is gone.
    var current: TailedFile?
    /// What stood there before, oldest first: read to its end before anything newer is.
    var elders: [TailedFile] = []
    /// Something may be there to read.
    var isDirty = true
    /// It couldn't be read; try again then. Monotonic nanoseconds.
    var retryAt: UInt64 = 0

    init(job: TailJob, path: String, labels: Labels) {
        self.job = job
        self.path = path
        self.labels = labels
    }

    var members: [TailedFile] { elders + (current.map { [$0] } ?? []) }
}
