import Bedrock
import Formats
import Model
import Testing

/// Prometheus' own parser cases: the lenient parsers accept the same and read the same.
@Suite struct TextFormatSuiteTests {
    private func format(_ name: String?) throws -> ExpositionFormat { name == "openmetrics" ? .openMetrics : .classic }

    /// All entries, or the error.
    private func count(_ bytes: [UInt8], _ format: ExpositionFormat) throws(ExpositionError) -> Int {
        try bytes.withUnsafeBufferPointer { (buffer) throws(ExpositionError) in
            var parser = ExpositionParser(UnsafeRawBufferPointer(buffer), format: format)
            var entries = 0
            while try parser.next() != .end { entries += 1 }
            return entries
        }
    }

    @Test(.enabled(if: SharedData.isPresent)) func agreesOnEverySnippet() throws {
        let rows = try SharedData.lines("conformance/textformat/snippets.jsonl")
        #expect(rows.count == 60)
        for row in rows {
            let row = try JSONValue(parsing: row)
            let bytes: [UInt8]
            if let text = row["input"]?.string {
                bytes = Array(text.utf8)
            } else {
                bytes = base64(try #require(row["input_base64"]?.string))
            }
            let valid = try #require(row["valid"]?.bool as Bool?)
            let kind = try format(row["format"]?.string)
            do {
                _ = try count(bytes, kind)
                #expect(valid, "accepted \(row.text)")
            } catch {
                #expect(!valid, "\(row.text): \(error)")
                #expect(error.position.line >= 1 && error.position.column >= 1)
            }
        }
    }

    @Test(.enabled(if: SharedData.isPresent), arguments: ["classic-full", "classic-utf8", "om-full"])
    func readsEveryEntry(_ name: String) throws {
        let bytes = try SharedData.read("conformance/textformat/\(name).txt")
        let expected = try SharedData.lines("conformance/textformat/\(name).expected.jsonl").map {
            try JSONValue(parsing: $0)
        }
        let isOpenMetrics = name.hasPrefix("om")
        try bytes.withUnsafeBytes { raw in
            var parser = ExpositionParser(
                raw, format: isOpenMetrics ? .openMetrics : .classic, readsStartTimestamps: true)
            for (index, row) in expected.enumerated() {
                let entry = try parser.next()
                try expectSame(entry, &parser, row, "\(name) entry \(index): \(row.text)")
            }
            let last = try parser.next()
            #expect(last == .end)
        }
    }

    private func expectSame(
        _ entry: ExpositionParser.Entry, _ parser: inout ExpositionParser, _ row: JSONValue, _ note: Comment
    ) throws {
        if let text = row["comment"]?.string {
            #expect(entry == .comment && parser.text == text, note)
        } else if let help = row["help"]?.string {
            let same = entry == .help && parser.help == help && parser.family == row["family"]?.string
            #expect(same, note)
        } else if let type = row["type"]?.string {
            let same = entry == .type && parser.kind.rawValue == type && parser.family == row["family"]?.string
            #expect(same, note)
        } else if let unit = row["unit"]?.string {
            let same = entry == .unit && parser.text == unit && parser.family == row["family"]?.string
            #expect(same, note)
        } else {
            try expectSameSample(entry, &parser, row, note)
        }
    }

    private func expectSameSample(
        _ entry: ExpositionParser.Entry, _ parser: inout ExpositionParser, _ row: JSONValue, _ note: Comment
    ) throws {
        #expect(entry == .sample, note)
        #expect(String(decoding: parser.series, as: UTF8.self) == row["series"]?.string, note)
        let value = parser.value
        switch row["value"] {
        case .number(let wanted): #expect(value == wanted, note)
        case .string(let wanted): #expect(NumberText.text(value) == wanted, note)
        default: #expect(value.bitPattern == 0x7ff8_0000_0000_0001, note)
        }
        #expect(parser.timestamp == row["timestamp_ms"]?.int.map(Int64.init), note)
        if let labels = row["labels"]?.object {
            let got = try parser.labels().list.map { "\($0.name)=\($0.value)" }.sorted()
            #expect(got == labels.members.map { "\($0.key)=\($0.value.string ?? "")" }.sorted(), note)
        }
        let start = try parser.startTimestamp()
        #expect(start == row["start_timestamp_ms"]?.int.map(Int64.init), note)
        if let exemplar = row["exemplars"]?[0] {
            let got = try parser.exemplarLabels().list.map { "\($0.name)=\($0.value)" }
            #expect(
                got == exemplar["labels"]?.object?.members.map { "\($0.key)=\($0.value.string ?? "")" }.sorted(), note)
            #expect(parser.exemplarValue == exemplar["value"]?.number, note)
            #expect(parser.exemplarTimestamp == exemplar["timestamp_ms"]?.int.map(Int64.init), note)
        } else {
            let hasExemplar = parser.hasExemplar
            #expect(!hasExemplar, note)
        }
    }

    @Test(.enabled(if: SharedData.isPresent)) func readsRealExpositions() throws {
        let classic = try SharedData.read("conformance/textformat/exposition/alltypes.237mfs.prom.txt")
        let batch = MetricBatch()
        let summary = try classic.withUnsafeBytes { try batch.append(exposition: $0, format: .classic, now: 5) }
        let lines = classic.split(separator: UInt8(ascii: "\n"))
        #expect(summary.samples == lines.filter { $0.first != UInt8(ascii: "#") }.count)
        #expect(batch.metadata.count == 237)
        #expect(batch.timestamps.allSatisfy { $0 == 5 })
        let strict = classic.withUnsafeBytes { ExpositionValidator.problems(in: $0, format: .classic) }
        #expect(strict.isEmpty, "\(strict.map(\.description))")
        let other = try SharedData.read("conformance/textformat/exposition/1histogram.om.txt")
        #expect(try count(other, .openMetrics) > 20)
    }

    private func base64(_ text: String) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var out: [UInt8] = []
        var bits = 0
        var held = 0
        for c in text.utf8 {
            guard let digit = alphabet.firstIndex(of: c) else { continue }
            bits = (bits << 6 | digit) & 0xFFFF
            held += 6
            if held >= 8 {
                held -= 8
                out.append(UInt8(truncatingIfNeeded: bits >> held))
            }
        }
        return out
    }
}
