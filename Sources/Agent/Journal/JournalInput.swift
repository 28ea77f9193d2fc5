import Bedrock
import Formats
import Glibc
import Model

/// Reads systemd's journal, where libsystemd is installed. Stepped by the log worker's thread.
///
/// Its position is the cursor of the last entry that was read; entries that stages hold back are named in it, and read again after a crash.
final class JournalInput: LogInput {
    private let job: TailJob
    private let settings: JournalSettings
    private let log: Logger
    private let clock: any ClockSource
    private let open: (String?) -> (journal: (any JournalSource)?, status: Int32)
    private var journal: (any JournalSource)?
    private var position = JournalPosition()
    private var retryAt: UInt64 = 0
    private let times: LineTimes
    private var pipelines: [Labels: EntryPipeline] = [:]
    /// Entries are numbered as they are read: that is where they stand, for stages.
    private var number: UInt64 = 0
    /// Entries that stages hold back.
    private var held: [UInt64: Held] = [:]
    private static let pollInterval: UInt64 = 250_000_000
    private static let retryInterval: UInt64 = 30_000_000_000
    private static let pipelinesMax = 1_000

    private struct Held {
        var hash: UInt64
        /// Cursor of the entry before it.
        var after: [UInt8]
    }

    private var key: String { "journal/\(job.name)" }

    init(
        job: TailJob, settings: JournalSettings, positions: [String: [UInt8]], clock: any ClockSource, log: Logger,
        open: @escaping (String?) -> (journal: (any JournalSource)?, status: Int32) = SystemJournal.open
    ) {
        self.job = job
        self.settings = settings
        self.clock = clock
        self.log = log
        self.open = open
        times = LineTimes(clock)
        guard let bytes = positions["journal/\(job.name)"] else { return }
        if let known = bytes.withUnsafeBytes({ try? JournalPosition(decoding: $0) }) {
            position = known
        } else {
            log.warn("the position in the journal can't be read", ["job": job.name])
        }
    }

    var due: UInt64 { pipelines.values.reduce(retryAt) { min($0, $1.due ?? .max) } }

    func read(into builder: LogRecordBuilder, bytes: Int, now: UInt64) -> Bool {
        let sink = LogAppending(builder, times)
        var hasChanged = flush(sink, now, all: false)
        if now >= retryAt, let journal = opened(sink, now) {
            let limit = builder.byteCount + bytes
            while builder.byteCount < limit {
                if let paused = pipelines.values.map(\.pausedUntil).max(), paused > now {
                    retryAt = paused
                    break
                }
                let status = journal.next()
                guard status > 0 else {
                    retryAt = now &+ Self.pollInterval
                    if status < 0 { fail("cannot read the journal", -status, now) }
                    break
                }
                hasChanged = true
                take(journal, sink)
            }
        }
        if hasChanged { sink.advance(key, positionNow()) }
        return hasChanged
    }

    /// The position as it is to be remembered.
    private func positionNow() -> [UInt8] {
        if !held.isEmpty {
            let spans = pipelines.values.flatMap(\.heldSpans)
            held = held.filter { entry in spans.contains { $0.contains(entry.key) } }
        }
        var result = position
        let numbers = held.keys.sorted()
        result.held = numbers.compactMap { held[$0]?.hash }
        result.heldAfter = numbers.first.flatMap { held[$0]?.after } ?? []
        result.heldSpan = numbers.first.map { number - $0 } ?? 0
        return result.encode()
    }

    /// Lets go of joined lines whose time has come, or of all of them.
    private func flush(_ sink: LogAppending, _ now: UInt64, all: Bool) -> Bool {
        var hasFlushed = false
        for pipeline in pipelines.values where pipeline.flush(into: sink, now: now, all: all) { hasFlushed = true }
        return hasFlushed
    }

    private func opened(_ sink: LogAppending, _ now: UInt64) -> (any JournalSource)? {
        if let journal { return journal }
        let found = open(settings.path)
        guard let journal = found.journal else {
            fail("cannot open the journal", -found.status, now)
            return nil
        }
        resume(journal, sink)
        let status = seek(journal, after: position.cursor)
        if status < 0 {
            log.warn("cannot go to a place in the journal", ["job": job.name, "code": String(-status)])
        }
        self.journal = journal
        return journal
    }

    private func seek(_ journal: any JournalSource, after cursor: [UInt8]) -> Int32 {
        if !cursor.isEmpty { return journal.seek(after: cursor) }
        return journal.seek(microseconds: UInt64(max(0, clock.now() - settings.maxAge)) &* 1000)
    }

    /// Entries that an earlier run held back are read again, so that they are joined as they would have been.
    private func resume(_ journal: any JournalSource, _ sink: LogAppending) {
        guard !position.held.isEmpty else { return }
        let end = position.cursor
        let wanted = Set(position.held)
        var left = position.heldSpan
        position.held = []
        guard seek(journal, after: position.heldAfter) >= 0 else { return }
        position.cursor = position.heldAfter
        while left > 0, journal.next() > 0 {
            left -= 1
            guard let cursor = journal.cursor() else { continue }
            if wanted.contains(JournalPosition.hash(cursor)) {
                take(journal, sink)
            } else {
                number += 1
                position.cursor = cursor
            }
            if cursor == end { break }
        }
        position.cursor = end
    }

    private func fail(_ message: String, _ code: Int32, _ now: UInt64) {
        let reason = code == ENOSYS ? "libsystemd.so.0 is not installed" : String(cString: strerror(code))
        log.warn(message, ["job": job.name, "reason": reason])
        journal = nil
        retryAt = now &+ Self.retryInterval
    }

    private func take(_ journal: any JournalSource, _ sink: LogAppending) {
        let time =
            journal.time().map { Int64(clamping: $0).multipliedReportingOverflow(by: 1000).partialValue } ?? sink.time()
        let before = position.cursor
        if let cursor = journal.cursor() { position.cursor = cursor }
        let own = number
        number += 1
        let entry = JournalEntry(journal.fields(), settings)
        guard let labels = job.finish(entry.labels) else { return }
        let pipeline = pipeline(labels, sink)
        entry.line.withUnsafeBytes {
            pipeline.process($0, part: 0, span: own..<own + 1, into: sink, timestamp: time, fields: entry.metadata)
        }
        if pipeline.heldSpans.contains(where: { $0.contains(own) }) {
            held[own] = Held(hash: JournalPosition.hash(position.cursor), after: before)
        }
    }

    /// Entries of one label set go through stages together.
    private func pipeline(_ labels: Labels, _ sink: LogAppending) -> EntryPipeline {
        if let known = pipelines[labels] { return known }
        if pipelines.count >= Self.pipelinesMax {
            _ = flush(sink, clock.monotonicNanoseconds(), all: true)
            pipelines.removeAll()
        }
        let made = job.pipeline(labels)
        pipelines[labels] = made
        return made
    }
}

/// What becomes of a journal entry's fields.
struct JournalEntry {
    /// For relabelling: `__journal_` and the field's name in lower case, and what the configuration sets.
    var labels = LabelsBuilder()
    var metadata: [Label] = []
    var line: [UInt8] = []

    /// Words for syslog's priorities.
    private static let priorities = ["emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"]

    init(_ fields: [(name: String, value: [UInt8])], _ settings: JournalSettings) {
        for label in settings.labels { labels.set(label.name, label.value) }
        var members: [(key: String, value: JSONValue)] = []
        for field in fields {
            let text = String(decoding: field.value, as: UTF8.self)
            if field.name == "MESSAGE" { line = field.value }
            if settings.isJSON { members.append((field.name, .string(text))) }
            if field.name == "MESSAGE" { continue }
            labels.set("__journal_" + field.name.lowercased(), text)
            if field.name == "PRIORITY", let number = Int(text), Self.priorities.indices.contains(number) {
                labels.set("__journal_priority_keyword", Self.priorities[number])
            }
            for wanted in settings.fields where wanted.value == field.name {
                metadata.append(Label(wanted.name, text))
            }
        }
        if settings.isJSON { line = Array(JSONValue.object(JSONObject(members)).text.utf8) }
    }
}
