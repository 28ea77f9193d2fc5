import Testing

@testable import Dashboards

@Suite struct InterpolationTests {
    private let all = Interpolation(
        values: [
            "job": Interpolation.Value("node"), "inst": .init([.init("a:1"), .init("b.c")], isPattern: true),
            "one": .init([.init(text: "One", value: "x.y")], isPattern: true),
            "any": .init([.init("a")], isPattern: true, verbatim: ".+"),
        ], builtIns: ["__interval": "1m", "__from": "1700000000000"])

    @Test(arguments: [
        ("up{job=\"$job\"}", "up{job=\"node\"}"), ("up{job=\"${job}\"}", "up{job=\"node\"}"), ("[[job]]_x", "node_x"),
        ("a=~\"$inst\"", "a=~\"(a:1|b\\\\.c)\""), ("$one", "x\\\\.y"), ("${one:raw}", "x.y"),
        ("${inst:pipe}", "a:1|b.c"),
        ("${inst:csv}", "a:1,b.c"), ("${inst:glob}", "{a:1,b.c}"), ("${inst:json}", "[\"a:1\",\"b.c\"]"),
        ("${inst:doublequote}", "\"a:1\",\"b.c\""), ("${inst:singlequote}", "'a:1','b.c'"), ("${one:text}", "One"),
        ("${one.text}", "One"),
        ("${inst:regex}", "(a:1|b\\\\.c)"), ("$any", ".+"), ("x[$__interval]", "x[1m]"), ("${__from}", "1700000000000"),
        ("${__from:date:iso}", "2023-11-14T22:13:20.000Z"), ("${__from:date:seconds}", "1700000000"),
        ("label_replace(x, \"a\", \"$1\", \"b\", \"(.*)\")", "label_replace(x, \"a\", \"$1\", \"b\", \"(.*)\")"),
        ("$unknown ${unknown:csv}", "$unknown ${unknown:csv}"),
        ("$", "$"), ("${", "${"), ("${job", "${job"), ("[[", "[["), ("x[5m]", "x[5m]"), ("$job$job", "nodenode"),
        ("${inst:queryparam}", "var-inst=a%3A1&var-inst=b.c"),
        ("${inst:lucene}", "(\"a:1\" OR \"b.c\")"), ("${inst:distributed}", "a:1,inst=b.c"), ("ünï$job", "ünïnode"),
    ])
    func syntaxes(_ text: String, _ expected: String) { #expect(all.expand(text) == expected) }

    @Test func titlesShowTexts() {
        #expect(all.expand("CPU of $inst ($one)", .title) == "CPU of a:1 + b.c (One)")
    }
}

@Suite struct VariableQueryTests {
    @Test(arguments: [
        ("label_values(job)", VariableQuery.labelValues(label: "job", selector: nil)),
        (
            "label_values(up{job=\"a\", x=~\"b,c\"}, instance)",
            .labelValues(label: "instance", selector: "up{job=\"a\", x=~\"b,c\"}")
        ),
        (" label_values( up , instance ) ", .labelValues(label: "instance", selector: "up")),
        ("label_names()", .labelNames(selector: nil)),
        ("label_names(up)", .labelNames(selector: "up")), ("metrics(node_.*)", .metrics(pattern: "node_.*")),
        ("query_result(sum by (a) (x))", .queryResult(expression: "sum by (a) (x)")),
        ("up{a=\"b\"}", .series(selector: "up{a=\"b\"}")),
        ("", .series(selector: "")), ("label_values()", .labelValues(label: "", selector: nil)),
    ])
    func forms(_ text: String, _ expected: VariableQuery) { #expect(VariableQuery(text) == expected) }

    @Test func patternsCutValues() throws {
        let values = ["up{instance=\"a:1\"} 1", "up{instance=\"b:2\"} 1", "up{instance=\"a:1\"} 0", "other"]
        let options = try VariableOptions.make(
            values, pattern: "/instance=\"([^\"]+):/", sorting: .alphabeticalDescending)
        #expect(options.map(\.value) == ["b", "a"])
        let named = try VariableOptions.make(["x=1,y=Two"], pattern: "x=(?<value>\\d),y=(?<text>\\w+)", sorting: .none)
        #expect(named == [Variable.Option(text: "Two", value: "1")])
        #expect(throws: (any Error).self) { try VariableOptions.make(["a"], pattern: "(", sorting: .none) }
    }

    @Test func customLists() {
        #expect(VariableOptions.custom("a, b : 2 ,c\\,d") == [.init("a"), .init(text: "b", value: "2"), .init("c,d")])
    }

    @Test func dependenciesDecideTheOrder() {
        func variable(_ name: String, _ query: String) -> Variable {
            var variable = Variable()
            (variable.name, variable.query) = (name, query)
            return variable
        }
        let levels = VariableResolver.levels([
            variable("c", "$b"), variable("b", "label_values(up{x=\"$a\"}, b)"), variable("a", "x"),
        ])
        #expect(levels.map { $0.map(\.name) } == [["a"], ["b"], ["c"]])
        let circle = VariableResolver.levels([variable("a", "$b"), variable("b", "$a")])
        #expect(circle.flatMap { $0 }.count == 2)
    }

    @Test func choices() {
        var variable = Variable()
        variable.includesAll = true
        let options = [Variable.Option("a"), Variable.Option("b")]
        #expect(VariableResolver.choose(variable, options, ["b"]) == ["b"])
        #expect(VariableResolver.choose(variable, options, ["gone"]) == [Variable.all])
        #expect(VariableResolver.choose(variable, options, nil) == [Variable.all])
        variable.includesAll = false
        variable.current = [Variable.Option("b")]
        #expect(VariableResolver.choose(variable, options, nil) == ["b"])
        #expect(VariableResolver.choose(variable, [], nil) == ["b"])
    }
}

@Suite struct TimeWindowTests {
    private let now: Int64 = 1_700_000_000_000

    @Test(
        arguments: [
            ("now", 1_700_000_000_000), ("now-6h", 1_699_978_400_000), ("now/d", 1_699_920_000_000),
            ("now-1d/d", 1_699_833_600_000),
            ("1699999999999", 1_699_999_999_999), ("1699999999", 1_699_999_999_000), ("2023-11-14", 1_699_920_000_000),
            ("2023-11-14 22:13:20", 1_700_000_000_000), ("2023-11-14T22:13:20Z", 1_700_000_000_000),
            ("2023-11-14T23:13:20.5+01:00", 1_700_000_000_500),
        ] as [(String, Int64)])
    func expressions(_ text: String, _ expected: Int64) {
        #expect(TimeExpression.parse(text, now: now, zone: .utc, roundsUp: false) == expected)
    }

    @Test(arguments: [
        "", "nonsense", "now-", "now-6", "now-6x", "now/q", "2023-13-01", "2023-11-14Tx", "2023-11-14 22", "now 5h",
    ])
    func nonsense(_ text: String) {
        // `now-6` is six seconds, by the rule for bare numbers.
        if text != "now-6" { #expect(TimeExpression.parse(text, now: now, zone: .utc, roundsUp: false) == nil) }
    }

    @Test func windows() {
        #expect(
            TimeWindow(from: "now-1d/d", to: "now-1d/d").resolve(now: now, zone: .utc)
                == .init(1_699_833_600_000, 1_699_919_999_999))
        #expect(TimeWindow(from: "now", to: "now-1h").resolve(now: now, zone: .utc) == nil)
        #expect(TimeWindow(last: 5_400_000).text(zone: .utc) == "last 1h30m")
    }

    @Test func steps() {
        #expect(StepChoice.step(span: 3_600_000, pointsMax: 200, minimum: 15_000) == 20_000)
        #expect(StepChoice.step(span: 60_000, pointsMax: 200, minimum: 15_000) == 15_000)
        #expect(StepChoice.step(span: .max, pointsMax: 1, minimum: 1) > 0)
        #expect(StepChoice.rateInterval(step: 15_000, scrape: 15_000) == 60_000)
    }
}
