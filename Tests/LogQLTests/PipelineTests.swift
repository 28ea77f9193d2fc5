import Bedrock
import LogQL
import Model
import Testing

/// What stages make of rows, beyond the shared cases.
@Suite struct PipelineTests {
    private func pipeline(_ stages: PipelineStage..., wanted: Set<String>? = nil, needsErrors: Bool = false) throws
        -> LogPipeline
    {
        LogPipeline(try LogPipelinePlan(stages, wanted: wanted, needsErrors: needsErrors))
    }

    @Test func aNameBelongsToTheStreamThenToMetadataThenToParsers() throws {
        let row = try pipeline(.logfmt(LogfmtStage())).run(
            "sl=p md=p tri=p own=p", stream: ["sl": "s", "sm": "s", "tri": "s"],
            metadata: ["md": "m", "sm": "m", "tri": "m"])
        #expect(
            row?.labels == [
                "sl": "s", "sl_extracted": "p", "md": "m", "md_extracted": "p", "sm": "s", "sm_extracted": "m",
                "tri": "s", "tri_extracted": "p", "own": "p",
            ])
        #expect(row?.categories["sm_extracted"] == .structuredMetadata)
        #expect(row?.categories["tri_extracted"] == .parsed)
        #expect(row?.categories["sl"] == .stream)
        #expect(row?.categories["own"] == .parsed)
    }

    @Test func theFirstParserWinsAndLabelFormatMayBeOverwritten() throws {
        let twice = try pipeline(
            .json([]), .lineFormat("{{.next}}"), .logfmt(LogfmtStage()))
        #expect(twice.run(#"{"a":"1","next":"a=2 b=3"}"#)?.labels == ["a": "1", "next": "a=2 b=3", "b": "3"])
        let formatted = try pipeline(.labelFormat([.template(target: "a", "x")]), .logfmt(LogfmtStage()))
        #expect(formatted.run("a=2")?.labels == ["a": "2"])
    }

    @Test func labelFormatTemplatesSeeTheLabelsBeforeTheFirstOfThem() throws {
        let stage = PipelineStage.labelFormat([
            .template(target: "a", "{{.b}}"), .template(target: "b", "{{.a}}"), .rename(target: "c", source: "a"),
        ])
        #expect(try pipeline(stage).run("", stream: ["a": "1", "b": "2"])?.labels == ["b": "1", "c": "2"])
    }

    @Test func aFailedTemplateLeavesTheLineAndTheLabel() throws {
        let row = try pipeline(.labelFormat([.template(target: "a", "{{ div 1 .zero }}")]), .lineFormat("{{.a}}!"))
            .run("line", stream: ["a": "1"])
        #expect(row?.line == "1!")
        #expect(row?.labels["a"] == "1")
        #expect(row?.labels["__error__"] == "TemplateFormatErr")
        #expect(row?.labels["__error_details__"]?.hasSuffix("error calling div: integer divide by zero") == true)
    }

    @Test func dropAndKeepGoByNameAndValue() throws {
        let stream: Labels = ["app": "a", "code": "500", "zone": "eu"]
        let code = Matcher("code", equals: "500")
        #expect(try pipeline(.drop([.name("zone")])).run("", stream: stream)?.labels == ["app": "a", "code": "500"])
        #expect(try pipeline(.drop([.matcher(code)])).run("", stream: stream)?.labels == ["app": "a", "zone": "eu"])
        #expect(try pipeline(.keep([.matcher(code)])).run("", stream: stream)?.labels == ["code": "500"])
        let broken = try pipeline(.json([]), .keep([.name("zone")])).run("no json", stream: stream)
        #expect(broken?.labels["__error__"] == "JSONParserErr")
        #expect(broken?.labels.keys.sorted() == ["__error__", "__error_details__", "zone"])
        let mended = try pipeline(.json([]), .drop([.name("__error__"), .name("__error_details__")]))
        #expect(mended.run("no json", stream: stream)?.labels.count == 3)
        #expect(mended.error == nil)
    }

    @Test func aDroppedStreamLabelStaysTheStreams() throws {
        let row = try pipeline(.drop([.name("level")]), .logfmt(LogfmtStage())).run(
            "level=info", stream: ["level": "x"])
        #expect(row?.labels == ["level_extracted": "info"])
    }

    @Test func numberFiltersNeedTheLabelAndKeepWhatTheyCannotRead() throws {
        let filter = LabelFilter.and(.duration("took", .greater, 1_000_000_000), .bytes("size", .less, 1_000_000))
        let stages = try pipeline(.logfmt(LogfmtStage()), .labelFilter(filter))
        #expect(stages.run("took=2s size=500KB") != nil)
        #expect(stages.run("size=500KB") == nil)
        #expect(stages.run("took=oops size=3MB") == nil)
        let broken = stages.run("took=oops size=oops")
        #expect(broken?.labels["__error__"] == "LabelFilterErr")
        #expect(broken?.labels["__error_details__"] == #"time: invalid duration "oops""#)
        #expect(stages.error == .labelFilter)
        // The left side of an "or" that passes spares the right one.
        let either = LabelFilter.or(.text(Matcher("lvl", equals: "error")), .duration("took", .greater, 1))
        #expect(
            try pipeline(.logfmt(LogfmtStage()), .labelFilter(either)).run("lvl=error took=oops")?.labels["__error__"]
                == nil)
    }

    @Test func errorsAreNoNumbersButTexts() throws {
        let number = try pipeline(.json([]), .labelFilter(.number("__error__", .greater, 0)))
        #expect(number.run("no json") == nil)
        let text = try pipeline(.json([]), .labelFilter(.text(Matcher("__error__", equals: ""))))
        #expect(text.run("no json") == nil)
        #expect(text.run(#"{"a":1}"#)?.labels == ["a": "1"])
        let address = try pipeline(.json([]), .labelFilter(.ip("addr", isNegated: false, "1.2.3.0/24")))
        #expect(address.run("no json") != nil)
        #expect(address.run(#"{"addr":"client 1.2.3.4:80"}"#) != nil)
        #expect(address.run(#"{"addr":"1.2.4.4"}"#) == nil)
    }

    @Test func unwrapGivesTheNumberAndHidesTheLabel() throws {
        let stages = try pipeline(
            .logfmt(LogfmtStage()), .unwrap(UnwrapStage("v", conversion: .bytes)),
            .labelFilter(.text(try Matcher("v", .notEqual, "9"))))
        #expect(stages.run("v=1.5KiB a=b")?.labels == ["a": "b"])
        #expect(stages.sample == 1536)
        #expect(stages.run("a=b") == nil)
        #expect(stages.run("v=9") == nil)
        #expect(stages.run("v=1XB")?.labels["__error__"] == "SampleExtractionErr")
        #expect(stages.sample == 0)
    }

    @Test func lineFiltersTakeAlternativesAndRegexesAcrossLines() throws {
        let either = LineFilterStage([.literal(Array("err".utf8)), .ip("10.0.0.0/8")])
        #expect(try pipeline(.lineFilter(either)).run("from 10.1.2.3.") != nil)
        var none = either
        none.isNegated = true
        #expect(try pipeline(.lineFilter(none)).run("from 10.1.2.3") == nil)
        #expect(try pipeline(.lineFilter(none)).run("fine") != nil)
        #expect(try pipeline(.lineFilter(LineFilterStage([.regex("a.b")]))).run("a\nb") != nil)
        #expect(try pipeline(.lineFilter(LineFilterStage([.pattern("a <_> b")]))).run("a x b") != nil)
    }

    @Test func extractorsLeaveOutWhatNobodyWants() throws {
        let line = #"{"a":{"b":"1","c":"2"},"d":"3"} trailing"#
        #expect(try pipeline(.json([]), wanted: ["a_c"]).run(line)?.labels == ["a_c": "2"])
        // Behind the last wanted label nothing is read, unless errors are asked for.
        let broken = #"{"d":"3", oops"#
        #expect(try pipeline(.json([]), wanted: ["d"]).run(broken)?.labels == ["d": "3"])
        #expect(try pipeline(.json([]), wanted: ["d"], needsErrors: true).run(broken)?.labels["__error__"] != nil)
        let mentions = PipelineStage.labelFilter(.text(Matcher("__error__", equals: "")))
        #expect(try pipeline(.json([]), mentions, wanted: ["d"]).run(broken) == nil)
        #expect(try pipeline(.json([]), wanted: []).run("no json")?.labels == [:])
        // What stages need comes, too, and a label that the stream has by the name it gets.
        let filter = PipelineStage.labelFilter(.number("status", .greater, 400))
        #expect(
            try pipeline(.logfmt(LogfmtStage()), filter, wanted: ["x_extracted"]).run(
                "y=1 x=2 status=500", stream: ["x": "s"])?.labels
                == ["x": "s", "x_extracted": "2", "status": "500"])
        #expect(try pipeline(.logfmt(LogfmtStage()), .lineFormat("{{.}}"), wanted: []).run("a=1")?.line == "map[a:1]")
    }

    @Test func canonicalLabelsComeByCategoryAndSorted() throws {
        let stages = try pipeline(.logfmt(LogfmtStage(keepsEmpty: true)))
        let key = stages.key("b")
        let (stream, metadata): (Labels, Labels) = (["s": "x"], ["m": "y"])
        stream.storage.withUnsafeBytes { stages.setStream($0) }
        let line: StaticString = "b=1 a="
        metadata.storage.withUnsafeBytes { metadata in
            let line = UnsafeRawBufferPointer(start: line.utf8Start, count: line.utf8CodeUnitCount)
            #expect(stages.process(timestamp: 0, line: line, metadata: metadata))
            var out = ByteBuffer()
            stages.appendLabels(.parsed, to: &out)
            #expect(out.array() == [1, 97, 0, 1, 98, 1, 49])
            out.clear()
            stages.appendLabels([.stream, .structuredMetadata], to: &out)
            #expect(Labels(canonical: out.bytes) == ["m": "y", "s": "x"])
            #expect(stages.value(key).map { Array($0) } == [49])
        }
        #expect(stages.hasAllStreamLabels)
    }

    @Test func rowsOfTheSameKindTakeNoMoreMemory() throws {
        let stages = try pipeline(
            .json([]), .lineFormat("{{.a | upper}} {{.b}}"), .labelFormat([.template(target: "c", "{{.a}}-{{.b}}")]))
        let line = #"{"a":"x\ny","b":{"c":1},"d":"…"}"#
        for _ in 0..<10 { #expect(stages.run(line, stream: ["s": "x"]) != nil) }
        let before = stages.memoryBytes
        for _ in 0..<1000 { _ = stages.run(line, stream: ["s": "x"]) }
        #expect(stages.memoryBytes == before)
    }

    @Test func randomKeysDontFillTheMemory() throws {
        let stages = try pipeline(.json([]))
        for i in 0..<20_000 {
            #expect(stages.run("{\"key\(i)\":\"v\",\"nested\(i)\":{\"x\":1}}", stream: ["s": "x"])?.labels.count == 3)
        }
        #expect(stages.memoryBytes < 8 << 20)
    }
}
