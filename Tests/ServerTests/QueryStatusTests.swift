import Formats
import Model
import Testing
import Transport

@testable import QueryServer

@Suite struct QueryStatusTests {
    private func json(_ fixture: QueryFixture, _ path: String, _ parameters: [(name: String, value: String)] = [])
        throws -> JSONValue
    {
        let value = try JSONValue(parsing: try fixture.text(path, parameters))
        #expect(value["status"]?.string == "success")
        return try #require(value["data"])
    }

    @Test func answersGrafanasProbes() throws {
        let fixture = try QueryFixture()
        #expect(try json(fixture, "status/buildinfo")["version"]?.string?.hasPrefix("3.") ?? false)
        #expect(try json(fixture, "labels", [("start", "1699999000"), ("end", "1700000000")]).array?.isEmpty == false)
        let probe = try fixture.post("/api/v1/query", [("query", "1+1"), ("time", "1700000000")])
        #expect(probe.text == #"{"status":"success","data":{"resultType":"scalar","result":[1700000000,"2"]}}"#)
        #expect(try json(fixture, "rules")["groups"]?.array?.isEmpty ?? false)
        #expect(try json(fixture, "alerts")["alerts"]?.array?.isEmpty ?? false)
        #expect(try json(fixture, "alertmanagers")["activeAlertmanagers"]?.array?.isEmpty ?? false)
        #expect(try fixture.get("/api/v1/nothing").status == 404)
    }

    @Test func showsTargets() throws {
        let active = TargetsStatus.Active(
            discoveredLabels: Labels(["__address__": "a:1"]), labels: Labels(["instance": "a:1", "job": "node"]),
            scrapePool: "node",
            scrapeURL: "http://a:1/metrics", globalURL: "http://a:1/metrics", lastScrape: 1_700_000_000_123,
            lastScrapeSeconds: 0.25, health: "up", scrapeInterval: 15_000, scrapeTimeout: 10_000)
        let fixture = try QueryFixture {
            $0.targets = {
                TargetsStatus(
                    active: [active],
                    dropped: [.init(discoveredLabels: Labels(["__address__": "b:1"]), scrapePool: "other")],
                    droppedCounts: ["other": 1])
            }
        }
        let wanted: [String] = [
            #"{"status":"success","data":{"activeTargets":[{"discoveredLabels":{"__address__":"a:1"},"#,
            #""labels":{"instance":"a:1","job":"node"},"scrapePool":"node","scrapeUrl":"http://a:1/metrics","#,
            #""globalUrl":"http://a:1/metrics","lastError":"","lastScrape":"2023-11-14T22:13:20.123Z","#,
            #""lastScrapeDuration":0.25,"health":"up","scrapeInterval":"15s","scrapeTimeout":"10s"}],"#,
            #""droppedTargets":[{"discoveredLabels":{"__address__":"b:1"},"scrapePool":"other"}],"#,
            #""droppedTargetCounts":{"other":1}}}"#,
        ]
        #expect(try fixture.text("targets") == wanted.joined())
        #expect(try json(fixture, "targets", [("state", "dropped")])["activeTargets"]?.array?.isEmpty ?? false)
        #expect(try json(fixture, "targets", [("state", "active")])["droppedTargets"]?.array?.isEmpty ?? false)
        #expect(try json(fixture, "targets", [("scrapePool", "other")])["activeTargets"]?.array?.isEmpty ?? false)
        #expect(try json(fixture, "scrape_pools")["scrapePools"] == ["node", "other"])
    }

    @Test func showsStatuses() throws {
        let fixture = try QueryFixture {
            $0.configuration = { "global:\n  scrape_interval: 15s\n" }
            $0.flags = { [("data-dir", "./data"), ("listen", "127.0.0.1:7070")] }
            $0.runtime = {
                var status = RuntimeStatus()
                status.startTime = 1_600_000_000_000
                status.hostname = "here"
                return status
            }
        }
        #expect(try json(fixture, "status/config")["yaml"]?.string == "global:\n  scrape_interval: 15s\n")
        #expect(try fixture.text("status/flags").hasSuffix(#""data":{"data-dir":"./data","listen":"127.0.0.1:7070"}}"#))
        let runtime = try json(fixture, "status/runtimeinfo")
        #expect(runtime["startTime"]?.string == "2020-09-13T12:26:40.000Z")
        #expect(runtime["serverTime"]?.string == "2023-11-14T22:13:20.000Z")
        #expect(runtime["hostname"]?.string == "here")
        #expect(
            try fixture.text("status/walreplay")
                == #"{"status":"success","data":{"min":0,"max":0,"current":0,"state":"done"}}"#)
    }

    @Test func countsSeries() throws {
        let fixture = try QueryFixture()
        let status = try json(fixture, "status/tsdb", [("limit", "2")])
        #expect(status["headStats"]?["numSeries"]?.int == 5)
        #expect(status["seriesCountByMetricName"] == [["name": "up", "value": 2], ["name": "gone", "value": 1]])
        #expect(
            status["labelValueCountByLabelName"] == [
                ["name": "__name__", "value": 4], ["name": "instance", "value": 2],
            ])
        #expect(status["seriesCountByLabelValuePair"]?.array?.first == ["name": "instance=a:1", "value": 3])
        #expect(try fixture.text("status/tsdb", [("limit", "0")]).contains("limit must be a positive number"))
        #expect(try fixture.text("status/tsdb", [("limit", "10001")]).contains("limit must not exceed 10000"))
    }

    @Test func tellsWhetherItIsReady() throws {
        let fixture = try QueryFixture()
        #expect(try fixture.get("/-/healthy").status == 200)
        #expect(try fixture.get("/-/ready").status == 200)
        let starting = try QueryFixture { $0.isReady = { false } }
        #expect(try starting.get("/-/healthy").status == 200)
        for path in ["/-/ready", "/api/v1/query?query=1", "/api/v1/labels", "/api/v1/status/config"] {
            let response = try starting.get(path)
            #expect(response.status == 503)
            #expect(response.text == "Service Unavailable")
        }
        #expect(try starting.get("/api/v1/status/walreplay").status == 200)
        #expect(try starting.get("/api/v1/status/buildinfo").status == 200)
    }

    @Test func servesItsOwnMetrics() throws {
        let fixture = try QueryFixture { $0.metrics = { Array("# TYPE a counter\na 1\n".utf8) } }
        let response = try fixture.get("/metrics")
        #expect(response.text == "# TYPE a counter\na 1\n")
        #expect(response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
    }

    @Test func readsTimes() {
        #expect(APITime.parse("1435781451.781") == 1_435_781_451_781)
        #expect(APITime.parse("1435781451") == 1_435_781_451_000)
        #expect(APITime.parse("0.0005") == 1)
        #expect(APITime.parse("-1.5") == -1500)
        #expect(APITime.parse("2015-07-01T20:10:51.781Z") == 1_435_781_451_781)
        #expect(APITime.parse("2015-07-01T22:10:51.781999+02:00") == 1_435_781_451_781)
        #expect(APITime.parse("2016-02-29T00:00:00Z") == 1_456_704_000_000)
        #expect(APITime.parse("-292273086-05-16T16:47:06Z") == Int64.min)
        #expect(APITime.parse("1e300") == Int64.max)
        let wrong = [
            "", "NaN", "yesterday", "2015-07-01", "2015-07-01 20:10:51Z", "2015-07-01T20:10:51", "2015-02-29T00:00:00Z",
            "2015-13-01T00:00:00Z", "2015-07-01T24:00:00Z", "2015-07-01T20:10:51.Z", "2015-07-01T20:10:51Zx",
        ]
        for text in wrong { #expect(APITime.parse(text) == nil, "\(text)") }
    }
}
