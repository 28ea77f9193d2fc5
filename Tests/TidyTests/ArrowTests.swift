import Foundation
import Testing

/// The rooms and what each may import, by name: DESIGN §4's table.
let arrows: [String: Set<String>] = [
    "Bedrock": [],
    "Model": ["Bedrock"],
    "Instruments": ["Bedrock"],
    "Formats": ["Model", "Bedrock"],
    "Transport": ["Bedrock"],
    "LSM": ["Model", "Bedrock", "Instruments"],
    "MetricStore": ["LSM", "Model", "Bedrock", "Instruments"],
    "Columns": ["Model", "Bedrock"],
    "LogStore": ["LSM", "Columns", "Model", "Bedrock", "Instruments"],
    "TraceStore": ["LSM", "Columns", "Model", "Bedrock", "Instruments"],
    "Kernels": ["Model", "Bedrock"],
    "PromQL": ["Kernels", "Model", "Bedrock"],
    "LogQL": ["Kernels", "Model", "Bedrock"],
    "TraceQL": ["Kernels", "Model", "Bedrock"],
    "SpanMetrics": ["Model", "Bedrock", "Instruments"],
    "Receivers": ["Formats", "Transport", "Model", "Bedrock", "Instruments"],
    "Collector": [
        "Receivers", "MetricStore", "LogStore", "TraceStore", "LSM", "Formats", "Transport", "Model", "Bedrock",
        "Instruments",
    ],
    "Agent": ["LogQL", "Receivers", "Formats", "Transport", "Model", "Bedrock", "Instruments"],
    "QueryServer": [
        "PromQL", "LogQL", "TraceQL", "Kernels", "MetricStore", "LogStore", "LSM", "Formats", "Transport", "Model",
        "Bedrock",
        "Instruments",
    ],
    "ObsFoundation": ["Obs", "Formats", "Transport", "Instruments", "Model", "Bedrock"],
    "Obs": ["Formats", "Transport", "Instruments", "Model", "Bedrock"],
    "Configuration": ["Agent", "Formats", "Model", "Bedrock"],
    "Client": ["Transport", "Formats", "Model", "Bedrock"],
    "Dashboards": ["Client", "Formats", "Model", "Bedrock"],
    "TerminalUI": ["Dashboards", "Client", "Formats", "Model", "Bedrock"],
]

/// Rooms in which Foundation would cost a hot path or a dependency of the SDK.
let withoutFoundation: Set<String> = [
    "Bedrock", "Model", "Instruments", "Formats", "Transport", "LSM", "MetricStore", "Columns", "LogStore", "Kernels",
    "PromQL", "LogQL", "TraceQL", "Receivers", "SpanMetrics", "TraceStore",
    "Obs",
    "Collector", "Agent",
]

let outside: Set<String> = [
    "Glibc", "Synchronization", "Foundation", "FoundationEssentials", "FoundationNetworking", "Dispatch", "Testing",
]

@Suite struct ArrowTests {
    let repository = Repository()

    @Test func importsPointDown() throws {
        var wrong: [String] = []
        for (room, allowed) in arrows {
            for file in try repository.swiftFiles("Sources/\(room)") {
                for (number, line) in file.lines.enumerated() {
                    guard let module = importedModule(line) else { continue }
                    let shim =
                        module.hasPrefix("C") && module.dropFirst().first?.isUppercase == true && arrows[module] == nil
                    if allowed.contains(module) || outside.contains(module) || shim { continue }
                    wrong.append("\(file.path):\(number + 1): \(room) may not import \(module)")
                }
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    @Test func hotRoomsDoWithoutFoundation() throws {
        var wrong: [String] = []
        for room in withoutFoundation {
            for file in try repository.swiftFiles("Sources/\(room)") {
                for (number, line) in file.lines.enumerated() {
                    if importedModule(line)?.hasPrefix("Foundation") == true {
                        wrong.append("\(file.path):\(number + 1): \(room) does without Foundation")
                    }
                }
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    @Test func everyRoomIsOnTheList() throws {
        let folders = try FileManager.default.contentsOfDirectory(
            atPath: repository.root.appendingPathComponent("Sources").path)
        let programs: Set<String> = ["obsd", "obsq", "obsbench", "shop", "Shims"]
        let strangers = Set(folders).subtracting(arrows.keys).subtracting(programs)
        #expect(strangers.isEmpty, "rooms without arrows: \(strangers.sorted())")
        for folder in folders where folder != "Shims" {
            let readme = repository.root.appendingPathComponent("Sources/\(folder)/README.md")
            let text = (try? String(contentsOf: readme, encoding: .utf8)) ?? ""
            #expect(text.count > 200, "Sources/\(folder)/README.md says what the room is for")
        }
    }

    private func importedModule(_ line: Substring) -> String? {
        let words = line.split(separator: " ").map(String.init)
        guard let at = words.firstIndex(of: "import"),
            words[..<at].allSatisfy({ $0.hasPrefix("@") || ["public", "package", "internal", "private"].contains($0) }),
            at + 1 < words.count
        else { return nil }
        let kinds: Set<String> = ["struct", "class", "enum", "func", "protocol", "var", "let", "typealias"]
        let name = kinds.contains(words[at + 1]) && at + 2 < words.count ? words[at + 2] : words[at + 1]
        return name.split(separator: ".").first.map(String.init)
    }
}
