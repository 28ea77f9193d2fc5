import Bedrock
import CJournal
import Formats
import Glibc
import Model

/// Reads systemd's journal, where libsystemd is installed. Stepped by the log worker's thread.
///
/// Its position is the cursor of the last entry that went into a record.
final class JournalInput: LogInput {
    private let job: TailJob
    private let settings: JournalSettings
    private let log: Logger
    private let clock: any ClockSource
    private var journal: OpaquePointer?
    private var cursor: [UInt8]
    private var retryAt: UInt64 = 0
    private let times: LineTimes
    private var pipelines: [Labels: EntryPipeline] = [:]
    private static let pollInterval: UInt64 = 250_000_000
    private static let retryInterval: UInt64 = 30_000_000_000
    private static let pipelinesMax = 1_000

    private var key: String { "journal/\(job.name)" }

    init(job: TailJob, settings: JournalSettings, positions: [String: [UInt8]], clock: any ClockSource, log: Logger) {
        self.job = job
        self.settings = settings
        self.clock = clock
        self.log = log
        times = LineTimes(clock)
        cursor = positions["journal/\(job.name)"] ?? []
    }

    deinit { cjournal_close(journal) }

    var due: UInt64 { retryAt }

    func read(into builder: LogRecordBuilder, bytes: Int, now: UInt64) -> Bool {
        guard now >= retryAt, let journal = opened(now) else { return false }
        let sink = LogAppending(builder, times)
        let limit = builder.byteCount + bytes
        var hasRead = false
        _ = cjournal_process(journal)
        while builder.byteCount < limit {
            let status = cjournal_next(journal)
            guard status > 0 else {
                retryAt = now &+ Self.pollInterval
                if status < 0 { fail("cannot read the journal", -status, now) }
                break
            }
            hasRead = true
            take(journal, sink)
        }
        if hasRead { sink.advance(key, cursor) }
        return hasRead
    }

    private func opened(_ now: UInt64) -> OpaquePointer? {
        if let journal { return journal }
        var status: Int32 = 0
        let found: OpaquePointer?
        if let path = settings.path {
            found = cjournal_open(path, &status)
        } else {
            found = cjournal_open(nil, &status)
        }
        guard let found else {
            fail("cannot open the journal", -status, now)
            return nil
        }
        if cursor.isEmpty {
            let since = max(0, clock.now() - settings.maxAge)
            status = cjournal_seek_time(found, UInt64(since) * 1000)
        } else {
            status = cursor.withUnsafeBytes { raw in
                String(decoding: raw, as: UTF8.self).withCString { cjournal_seek_after(found, $0) }
            }
        }
        if status < 0 { log.warn("cannot go to a place in the journal", ["job": job.name, "code": String(-status)]) }
        journal = found
        return found
    }

    private func fail(_ message: String, _ code: Int32, _ now: UInt64) {
        let reason = code == ENOSYS ? "libsystemd.so.0 is not installed" : String(cString: strerror(code))
        log.warn(message, ["job": job.name, "reason": reason])
        cjournal_close(journal)
        journal = nil
        retryAt = now &+ Self.retryInterval
    }

    private func take(_ journal: OpaquePointer, _ sink: LogAppending) {
        var fields: [(name: String, value: [UInt8])] = []
        var data: UnsafeRawPointer?
        var length = 0
        while cjournal_field(journal, &data, &length) > 0 {
            let bytes = UnsafeRawBufferPointer(start: data, count: length)
            guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")) else { continue }
            fields.append((String(decoding: bytes[..<equals], as: UTF8.self), Array(bytes[(equals + 1)...])))
        }
        var microseconds: UInt64 = 0
        let time =
            cjournal_time(journal, &microseconds) >= 0
            ? Int64(clamping: microseconds).multipliedReportingOverflow(by: 1000).partialValue : sink.time()
        if let text = cjournal_cursor(journal) {
            cursor = Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
            free(text)
        }
        let entry = JournalEntry(fields, settings)
        guard let labels = job.finish(entry.labels) else { return }
        entry.line.withUnsafeBytes {
            pipeline(labels).process($0, part: 0, span: 0..<0, into: sink, timestamp: time, fields: entry.metadata)
        }
    }

    /// Entries of one label set go through stages together.
    private func pipeline(_ labels: Labels) -> EntryPipeline {
        if let known = pipelines[labels] { return known }
        if pipelines.count >= Self.pipelinesMax { pipelines.removeAll() }
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
