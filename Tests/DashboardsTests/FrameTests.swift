import Client
import Formats
import Model
import Testing

@testable import Dashboards

@Suite struct FrameTests {
    private func frame(_ query: String, _ fields: [DataField]) -> DataFrame { DataFrame(query: query, fields: fields) }

    @Test func legends() {
        let labels = Labels(["__name__": "up", "job": "node", "cpu": "0"])
        #expect(LegendFormat.name("{{job}}/{{ cpu }}{{none}}", labels, expression: "x") == "node/0")
        #expect(LegendFormat.name("", labels, expression: "x") == "up{cpu=\"0\", job=\"node\"}")
        #expect(LegendFormat.name("__auto", Labels(["job": "node"]), expression: "x") == "node")
        #expect(LegendFormat.name("", .empty, expression: "sum(x)") == "sum(x)")
        #expect(LegendFormat.name("broken {{job", labels, expression: "x") == "broken {{job")
    }

    @Test func reductions() {
        let values: [Double] = [1, .nan, 3, 2, .nan]
        #expect(Reduction.apply("lastNotNull", values) == 2)
        #expect(Reduction.apply("last", values).isNaN)
        #expect(Reduction.apply("mean", values) == 2)
        #expect(Reduction.apply("max", values) == 3)
        #expect(Reduction.apply("p50", values) == 2)
        #expect(Reduction.apply("delta", [5, 7, 1]) == 3)
        #expect(Reduction.apply("mean", []).isNaN)
        for name in [
            "min", "range", "diff", "diffperc", "step", "stdDev", "variance", "logmin", "changeCount", "p99", "unheard",
        ] {
            _ = Reduction.apply(name, [])
            _ = Reduction.apply(name, values)
        }
    }

    @Test func denseSeriesKeepGaps() {
        var table = SeriesTable()
        table.append(Labels(["a": "b"]), [Sample(0, 1), Sample(30_000, 3), Sample(.max, 9)])
        let query = PlannedQuery(
            target: "A", expression: "x", timing: .range(start: 0, end: 45_000, step: 15_000), legend: "",
            format: .timeSeries)
        let values = FrameBuilder.frames(query, QueryAnswer(.matrix(table)), isAlone: true)[0].fields[1].numbers ?? []
        #expect(values.count == 4 && values[0] == 1 && values[1].isNaN && values[2] == 3 && values[3].isNaN)
    }

    @Test func tablesHaveAColumnForEachLabel() {
        var table = SeriesTable()
        table.append(Labels(["a": "1"]), [Sample(5, 1)])
        table.append(Labels(["a": "2", "b": "x"]), [Sample(5, 2)])
        let query = PlannedQuery(target: "B", expression: "x", timing: .instant(5), legend: "", format: .table)
        let frame = FrameBuilder.frames(query, QueryAnswer(.vector(table)), isAlone: false)[0]
        #expect(frame.fields.map(\.name) == ["Time", "a", "b", "Value #B"])
        #expect(frame.fields[2].values == .texts(["", "x"]))
    }

    @Test func mergeJoinsRowsThatAgree() {
        let a = frame("A", [DataField("pod", .texts(["p", "q"])), DataField("Value #A", .numbers([1, 2]))])
        let b = frame("B", [DataField("pod", .texts(["q", "r"])), DataField("Value #B", .numbers([20, 30]))])
        let merged = FrameJoin.merge([a, b])[0]
        #expect(merged.fields[0].values == .texts(["p", "q", "r"]))
        #expect(merged.fields[2].numbers?[1] == 20)
        #expect(merged.fields[1].numbers?[2].isNaN == true)
    }

    @Test func outerJoinNumbersTimesAsGrafanaDoes() {
        let a = frame(
            "A",
            [
                DataField("Time", .times([1, 1])), DataField("pod", .texts(["p", "q"])),
                DataField("Value #A", .numbers([1, 2])),
            ])
        let b = frame(
            "B",
            [DataField("Time", .times([1])), DataField("pod", .texts(["q"])), DataField("Value #B", .numbers([20]))])
        let joined = FrameJoin.outer([a, b], by: "pod")[0]
        #expect(joined.fields.map(\.displayName) == ["pod", "Time 1", "Value #A", "Time 2", "Value #B"])
        #expect(joined.fields[4].numbers?[1] == 20)
    }

    @Test func organizeHidesRenamesAndOrders() throws {
        let options = try JSONValue(
            parsing:
                "{\"excludeByName\": {\"Time\": true}, \"indexByName\": {\"b\": 0, \"a\": 1}, \"renameByName\": {\"a\": \"A!\"}}"
        )
        let result = Transformations.organize(
            frame("A", [DataField("Time", .times([1])), DataField("a", .numbers([1])), DataField("b", .numbers([2]))]),
            options)
        #expect(result.fields.map(\.displayName) == ["b", "A!"])
    }

    @Test func otherTransformations() throws {
        let series = [
            frame(
                "A",
                [
                    DataField("Time", .times([1, 2])),
                    DataField("Value", .numbers([3, 4]), labels: Labels(["cpu": "0"]), legend: "cpu 0"),
                ]),
            frame(
                "A",
                [
                    DataField("Time", .times([1, 2])),
                    DataField("Value", .numbers([5, 6]), labels: Labels(["cpu": "1"]), legend: "cpu 1"),
                ]),
        ]
        func run(_ id: String, _ options: String) throws -> [DataFrame] {
            let applied = Transformations.apply(
                [Transformation(id: id, options: try JSONValue(parsing: options))], to: series)
            #expect(applied.unknown == [])
            return applied.frames
        }
        let reduced = try run("reduce", "{\"reducers\": [\"max\", \"mean\"]}")
        #expect(reduced[0].fields.map(\.name) == ["Field", "Max", "Mean"] && reduced[0].fields[1].numbers == [4, 6])
        #expect(try run("seriesToRows", "{}")[0].rowCount == 4)
        #expect(try run("labelsToFields", "{}")[0].fields.map(\.name) == ["Time", "cpu", "Value"])
        #expect(
            try run("renameByRegex", "{\"regex\": \"cpu (.*)\", \"renamePattern\": \"core $1\"}")[1].fields[1]
                .displayName == "core 1")
        #expect(try run("filterFieldsByName", "{\"include\": {\"pattern\": \"cpu 1\"}}").count == 1)
        #expect(try run("limit", "{\"limitField\": 1}")[0].rowCount == 1)
        #expect(
            try run("sortBy", "{\"sort\": [{\"field\": \"Time\", \"desc\": true}]}")[0].fields[0].values
                == .times([2, 1]))
        let calculated = try run(
            "calculateField",
            "{\"mode\": \"binary\", \"binary\": {\"left\": \"cpu 0\", \"operator\": \"*\", \"right\": \"2\"}, \"alias\": \"double\"}"
        )
        #expect(calculated[0].fields.last?.numbers == [6, 8])
        let above = try run(
            "filterByValue",
            "{\"type\": \"include\", \"filters\": [{\"fieldName\": \"cpu 0\", \"config\": {\"id\": \"greater\", \"options\": {\"value\": 3}}}]}"
        )
        #expect(above[0].rowCount == 1)
        let unknown = Transformations.apply([Transformation(id: "magic")], to: series)
        #expect(unknown.frames == series && unknown.unknown == ["magic"])
        // Options of the wrong kind change nothing and trap nowhere.
        for id in [
            "organize", "merge", "joinByField", "reduce", "filterFieldsByName", "filterByValue", "sortBy", "limit",
            "groupBy", "labelsToFields", "renameByRegex", "calculateField", "filterByRefId",
        ] {
            _ = Transformations.apply([Transformation(id: id, options: .array([1, "x"]))], to: series)
            _ = Transformations.apply([Transformation(id: id, options: .null)], to: [])
        }
    }

    @Test func mappingsAndThresholdsColorValues() {
        var settings = FieldSettings()
        settings.mappings = [
            ValueMapping(condition: .value("1"), text: "up", color: RGBColor("green")),
            ValueMapping(condition: .special("null"), text: "N/A", color: nil),
        ]
        settings.thresholds = Thresholds(steps: [
            .init(value: -.infinity, color: RGBColor("blue")), .init(value: 10, color: RGBColor("red")),
        ])
        func text(_ value: Double) -> ValueText { ValueText(value, settings, range: 0...100, zone: .utc, now: 0) }
        #expect(text(1).text.text == "up" && text(1).color == RGBColor("green"))
        #expect(text(.nan).text.text == "N/A")
        #expect(text(5).color == RGBColor("blue") && text(50).color == RGBColor("red"))
    }

    @Test func repeatedPanelsStandSideBySide() {
        var variable = Variable()
        variable.name = "disk"
        var state = VariableState()
        state.chosen["disk"] = ["a", "b", "c"]
        var panel = Panel()
        panel.id = 1
        panel.kind = .stat
        panel.repeatVariable = "disk"
        panel.grid = GridPosition(x: 0, y: 0, width: 24, height: 4)
        var below = Panel()
        below.id = 2
        below.grid = GridPosition(x: 0, y: 4, width: 24, height: 4)
        let placed = GridLayout.arrange([panel, below], state: state, variables: [variable])
        #expect(placed.map(\.grid.x) == [0, 8, 16, 0])
        #expect(placed.map(\.grid.y) == [0, 0, 0, 4])
        #expect(placed.map { $0.panel.scopedVariables["disk"] } == ["a", "b", "c", nil])
        #expect(Set(placed.map(\.panel.id)).count == 4)
    }
}
