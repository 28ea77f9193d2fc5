import Bedrock
import Formats
import LSM
import MetricStore

let verifyCommand = Command(
    "verify", "DIR", "check every checksum of a data folder that no obsd runs on",
    flags: [Flag("--verbose", nil, "name what is read")],
    run: { invocation in
        let folder = try invocation.value("--data") ?? invocation.only("one data folder")
        let directory = try openDataFolder(folder)
        let output = invocation.output
        let found = try directory.verify(MetricFormat()) { name in
            if invocation.has("--verbose") { output.note(name) }
        }
        if invocation.has("--json") {
            output.line(
                JSONValue.object(
                    JSONObject([
                        ("segments", .number(Double(found.segments))),
                        ("segmentBytes", .number(Double(found.segmentBytes))),
                        ("rows", .number(Double(found.rows))), ("logRecords", .number(Double(found.logRecords))),
                        ("damages", .array(found.damages.map { .string("\($0)") })),
                    ])
                ).text)
            return found.damages.isEmpty ? .done : .no
        }
        for damage in found.damages { output.line("\(output.styled("damaged", .red)) \(damage)") }
        output.line(
            "\(found.segments) segments with \(found.rows) samples in \(found.segmentBytes) bytes, \(found.logRecords) log records: "
                + (found.damages.isEmpty ? "sound" : "\(found.damages.count) damaged"))
        return found.damages.isEmpty ? .done : .no
    })

/// Opens a data folder that is there already; its lock is held as long as the result lives.
private func openDataFolder(_ folder: String) throws -> DataDirectory {
    try withDataFolder(folder) { try DataDirectory(folder, ballastBytes: 0) }
}
