import Bedrock
import LogQL
import Model
import Testing

/// The template language and its functions.
@Suite struct TemplateTests {
    /// The text that a template gives for a row; the error's text where it fails.
    private func run(
        _ text: String, _ labels: Labels = .empty, line: String = "", clock: any ClockSource = SimulatedClock()
    ) throws
        -> String
    {
        let pipeline = LogPipeline(try LogPipelinePlan([.lineFormat(text)], clock: clock))
        let row = try #require(pipeline.run(line, stream: labels, timestamp: 1_656_353_124_120_000_000))
        return row.labels["__error_details__"] ?? row.line
    }

    @Test(arguments: [
        ("{{ if eq .a `1` }}one{{ else if eq .a `2` }}two{{ else }}other{{ end }}", "two"),
        ("{{ with .a }}<{{ . }}>{{ end }}{{ with .missing }}x{{ else }}none{{ end }}", "<2>none"),
        ("{{ $x := .a }}{{ $x = printf `%s!` $x }}{{ $x }}", "2!"),
        (
            "{{ range $i, $v := fromJson `[1, \"b\", null, true]` }}{{ $i }}={{ $v }} {{ end }}",
            "0=1 1=b 2=<no value> 3=true "
        ),
        ("{{ range $k, $v := fromJson `{\"b\":2,\"a\":1}` }}{{ $k }}{{ $v }}{{ end }}", "a1b2"),
        ("{{ range fromJson `[]` }}x{{ else }}empty{{ end }}", "empty"),
        ("{{ range $q := fromJson `[{\"query\":\"x\"},{\"query\":\"y\"}]` }}{{ $q.query }};{{ end }}", "x;y;"),
        (
            "{{ range fromJson `[1,2,3,4]` }}{{ if eq . 2.0 }}{{ continue }}{{ end }}{{ if gt . 3 }}{{ break }}{{ end }}{{ . }}{{ end }}",
            "13"
        ),
        ("a {{- /* gone */ -}} b", "ab"),
        ("a {{- .a -}} b {{ 3 -}} c", "a2b 3c"),
        ("{{ and .a .b }}|{{ or .missing .b }}|{{ not .a }}|{{ and .missing (index .nothing 5) }}", "3|3|false|"),
        ("{{ lt 1 2 }} {{ le .a .b }} {{ ne .a .b }} {{ ge 1.5 2 }} {{ eq .a `1` `2` }}", "true true true false true"),
        (
            "{{ index (fromJson `{\"x\":{\"y\":[7]}}`) `x` `y` 0 }} {{ len .a }} {{ (fromJson `{\"x\":{\"y\":1}}`).x.y }}",
            "7 1 1"
        ),
        ("{{ define `t` }}[{{ . }}]{{ end }}{{ template `t` .a }}{{ template `t` .b }}", "[2][3]"),
        ("{{ (__timestamp__).Format `15:04` }} {{ __timestamp__.UTC.Year }}", "18:05 2022"),
        (
            "{{ slice `hello` 1 3 }}{{ print 1 2 `x` }}{{ \"\\u00e9\\x41\" }}{{ 'a' }}{{ 0x10 }}{{ 1e3 }}",
            "el1 2xéA97161000"
        ),
    ]) func theLanguageIsGos(_ template: String, _ wanted: String) throws {
        #expect(try run(template, ["a": "2", "b": "3"]) == wanted)
    }

    @Test(arguments: [
        (
            "printf `%5s|%-5s|%05d|%x|%q|%.2f|%t|%v|%%` .a .a 42 255 .a 3.14159 true 1.5",
            #"    2|2    |00042|ff|"2"|3.14|true|1.5|%"#
        ),
        ("printf `%d %s` .a", "%!d(string=2) %!s(MISSING)"),
        ("printf `%s` .a 7", "2%!(EXTRA int=7)"),
        ("printf `%e %g %8.3g|%+d % d` 123456.789 1e21 3.14159 5 6", "1.234568e+05 1e+21     3.14|+5  6"),
        ("addf 0.1 0.2", "0.3"), ("mulf 1.1 1.1", "1.21"), ("subf 3 0.1 0.1", "2.8"),
        ("divf 1 3", "0.3333333333333333"),
        ("add 1 2 `3`", "6"), ("mul 2 3 4", "24"), ("div 7 2", "3"), ("mod 7 3", "1"), ("max 1 5 3", "5"),
        ("min 4 2", "2"), ("int `200.0`", "200"), ("int `nope`", "0"), ("float64 `1.5`", "1.5"),
        ("round 2.567 2", "2.57"),
        ("title `the quick-brown fOX`", "The Quick-Brown FOX"), ("upper `straße é`", "STRAßE É"),
        ("trimAll `-x` `--axx`", "a"),
        ("TrimLeft `xxa` `x`", "a"), ("TrimRight `axx` `x`", "a"), ("TrimPrefix `abc` `a`", "bc"),
        ("Trim `-a-` `-`", "a"),
        ("Replace `aaa` `a` `b` 2", "bba"), ("`aaa` | replace `a` ``", ""), ("replace `` `-` `ab`", "-a-b-"),
        ("nindent 2 `a`", "\n  a"),
        ("b64dec `aGVsbG8=`", "hello"), ("b64enc `hello`", "aGVsbG8="), ("urldecode `a%2Bb+c`", "a+b c"),
        ("regexReplaceAll `(a)(b)` `abxab` `${2}$1`", "baxba"), ("regexReplaceAll `x*` `abc` `-`", "-a-b-c-"),
        ("regexReplaceAllLiteral `b` `abc` `$1`", "a$1c"), ("count `a*` `baac`", "3"),
        ("default `-` ``", "-"), ("hasPrefix `a` `ab`", "true"), ("duration `1h30m`", "5400"), ("bytes `1KiB`", "1024"),
        ("unixToTime `1656353124` | date `2006-01-02T15:04:05Z07:00`", "2022-06-27T18:05:24Z"),
        ("toDate `Jan 2, 2006 at 3:04pm (MST)` `Feb 3, 2013 at 7:54pm (UTC)` | unixEpoch", "1359921240"),
        ("toDateInZone `2006-01-02 15:04` `Europe/Berlin` `2021-07-01 12:00` | unixEpoch", "1625133600"),
        ("(toDate `2006-01-02` `2024-02-29`).AddDate 1 0 0 | date `Mon Jan _2 2006`", "Sat Mar  1 2025"),
        ("((toDate `2006` `2021`).Sub (toDate `2006` `2020`)).Hours", "8784"),
        ("now | unixEpochMillis", "1700000000000"), ("now | date `15h`", "22h"),
    ]) func functionsDoWhatUsersKnow(_ call: String, _ wanted: String) throws {
        let clock = SimulatedClock(now: 1_700_000_000_000)
        #expect(try run("{{ \(call) }}", ["a": "2"], clock: clock) == wanted)
    }

    @Test(arguments: [
        ("{{ nosuch }}", #"template: line:1: function "nosuch" not defined"#),
        ("{{ uper .a }}", #"function "uper" not defined (did you mean "upper"?)"#),
        ("{{ .a", "unclosed action"), ("{{ if .a }}x", "unexpected EOF"), ("{{ end }}", "unexpected {{end}}"),
        ("\n{{ $x }}", "template: line:2: undefined variable"), ("{{ \"a }}", "unterminated quoted string"),
        ("{{ (.a }}", "unclosed left paren"),
        ("{{/* x", "unclosed comment"), ("{{ break }}", "{{break}} outside {{range}}"),
        ("{{}}", "missing value for command"),
        ("{{ 1x }}", "bad number syntax"),
    ]) func badTemplatesAreRefused(_ template: String, _ reason: String) throws {
        let error = #expect(throws: PipelineError.self) { try LogPipelinePlan([.lineFormat(template)]) }
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "") for \(template)")
    }

    @Test(arguments: [
        ("{{ lt .a 1 }}", "error calling lt: incompatible types for comparison"),
        ("{{ index (fromJson `[1]`) 5 }}", "index out of range: 5"),
        ("{{ 5 .a }}", "can't give argument to non-function 5"),
        ("{{ trunc `x` .a }}", "expected int; got string"), ("{{ b64dec `?` }}", "illegal base64 data at input byte 0"),
        ("{{ toDate `2006` `x` }}", "cannot parse"), ("{{ (.a).b }}", "can't evaluate field b in type string"),
        ("{{ regexReplaceAll `(` .a `` }}", "error parsing regexp"), ("{{ template `none` }}", "not defined"),
    ]) func failuresSayWhereAndWhy(_ template: String, _ reason: String) throws {
        let text = try run(template, ["a": "2"])
        #expect(text.hasPrefix("template: line:1:"), "\(text)")
        #expect(text.contains(reason), "\(text)")
    }

    @Test(arguments: [
        "{{ repeat 9000000 .a }}", "{{ repeat 9223372036854775807 .a }}", "{{ indent 99999999 .a }}",
        "{{ alignLeft 99999999 .a }}",
        "{{ printf `%99999999d` 1 }}", "{{ range 999999999 }}x{{ end }}",
        "{{ define `r` }}{{ template `r` . }}{{ end }}{{ template `r` . }}",
        "{{ range 100000 }}{{ repeat 1000 `x` }}{{ end }}",
        "{{ $x := repeat 1000000 `x` }}{{ range 1000 }}{{ $y := printf `%s%s` $x $x }}{{ end }}",
    ]) func costsAreBounded(_ template: String) throws {
        #expect(try run(template, ["a": "2"]).hasPrefix("template: line"))
        let deep = String(repeating: "{{ if .a }}", count: 200) + String(repeating: "{{ end }}", count: 200)
        #expect(throws: PipelineError.self) { try LogPipelinePlan([.lineFormat(deep)]) }
        let nested = "{{ " + String(repeating: "(", count: 5000) + ".a" + String(repeating: ")", count: 5000) + " }}"
        #expect(throws: PipelineError.self) { try LogPipelinePlan([.lineFormat(nested)]) }
    }

    @Test func linesKeepBytesThatAreNoText() throws {
        let pipeline = LogPipeline(try LogPipelinePlan([.lineFormat("<{{ __line__ }}>")]))
        let line: [UInt8] = [0xFF, 0, 0xC3]
        line.withUnsafeBytes { bytes in
            #expect(pipeline.process(timestamp: 0, line: bytes))
            #expect(Array(pipeline.line) == [60] + line + [62])
        }
    }
}
