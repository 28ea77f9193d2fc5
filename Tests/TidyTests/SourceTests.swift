import Foundation
import Testing

@Suite struct SourceTests {
    let repository = Repository()

    @Test func nothingIsForcedOrLeftUndone() throws {
        let forbidden = ["try!", "fatalError(", " as! ", "TODO", "FIXME", "XXX"]
        var found: [String] = []
        for file in try repository.swiftFiles("Sources") {
            for (number, line) in file.lines.enumerated() {
                for word in forbidden where line.contains(word) { found.append("\(file.path):\(number + 1): \(word)") }
            }
        }
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    @Test func filesStaySmall() throws {
        let limit = 600
        let long = try (repository.swiftFiles("Sources") + repository.swiftFiles("Tests")).filter {
            $0.lines.count > limit
        }
        .map { "\($0.path): \($0.lines.count) lines" }
        #expect(long.isEmpty, "over \(limit) lines; split by concept: \(long.joined(separator: ", "))")
    }

    @Test func longTextsAreBroken() throws {
        let limit = 300
        var long: [String] = []
        for file in try repository.swiftFiles("Sources") + repository.swiftFiles("Tests") {
            for (number, line) in file.lines.enumerated() where line.count > limit {
                long.append("\(file.path):\(number + 1)")
            }
        }
        #expect(long.isEmpty, "over \(limit) columns: \(long.joined(separator: ", "))")
    }

    @Test func timeComesThroughTheSeam() throws {
        let clocks = ["clock_gettime", "gettimeofday", "Date()", "ContinuousClock", "DispatchTime.now"]
        // Beside the clock itself: two places that wait on a condition until a point of the kernel's own clock, and a thread's CPU time.
        let home: Set<String> = [
            "Sources/Bedrock/Time/ClockSource.swift", "Sources/Bedrock/Scheduling/Waker.swift",
            "Sources/Agent/Host/HelperThread.swift", "Sources/Bedrock/Time/ThreadCPUTime.swift",
        ]
        var found: [String] = []
        for file in try repository.swiftFiles("Sources") where !home.contains(file.path) {
            for (number, line) in file.lines.enumerated() {
                for word in clocks where line.contains(word) { found.append("\(file.path):\(number + 1): \(word)") }
            }
        }
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }
}
