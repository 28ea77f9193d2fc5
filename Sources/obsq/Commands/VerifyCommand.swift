import Bedrock
import Formats
import LSM
import LogStore
import MetricStore
import TraceStore

let verifyCommand = Command(
    "verify", "DIR", "check every checksum of a data folder that no obsd runs on",
    flags: [Flag("--verbose", nil, "name what is read")],
    run: { invocation in
        let folder = try invocation.value("--data") ?? invocation.only("one data folder")
        let directory = try openDataFolder(folder)
        let output = invocation.output
        let progress: (String) -> Void = { name in if invocation.has("--verbose") { output.note(name) } }
        let signals = [
            (name: "metrics", rows: "samples", found: try directory.verify(MetricFormat(), progress: progress)),
            (name: "logs", rows: "entries", found: try directory.verify(LogFormat(), progress: progress)),
            (name: "traces", rows: "spans", found: try directory.verify(TraceFormat(), progress: progress)),
        ]
        let isSound = signals.allSatisfy { $0.found.damages.isEmpty }
        if invocation.has("--json") {
            output.line(JSONValue.object(JSONObject(signals.map { ($0.name, json($0.found)) })).text)
            return isSound ? .done : .no
        }
        for (name, rows, found) in signals {
            for damage in found.damages { output.line("\(output.styled("damaged", .red)) \(damage)") }
            output.line(
                "\(name): \(found.segments) segments with \(found.rows) \(rows) in \(found.segmentBytes) bytes, "
                    + "\(found.logRecords) log records: "
                    + (found.damages.isEmpty ? "sound" : "\(found.damages.count) damaged"))
        }
        return isSound ? .done : .no
    })

private func json(_ found: DirectoryVerification) -> JSONValue {
    .object(
        JSONObject([
            ("segments", .number(Double(found.segments))), ("segmentBytes", .number(Double(found.segmentBytes))),
            ("rows", .number(Double(found.rows))), ("logRecords", .number(Double(found.logRecords))),
            ("damages", .array(found.damages.map { .string("\($0)") })),
        ]))
}

/// Opens a data folder that is there already; its lock is held as long as the result lives.
private func openDataFolder(_ folder: String) throws -> DataDirectory {
    try withDataFolder(folder) { try DataDirectory(folder, ballastBytes: 0) }
}
