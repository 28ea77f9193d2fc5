import Model
import Testing
import Transport

@testable import QueryServer

@Suite struct QuerySeriesTests {
    @Test func listsSeries() throws {
        let fixture = try QueryFixture()
        #expect(
            try fixture.text("series", [("match[]", "up{instance=\"b:1\"}"), ("match[]", "{job=\"node\"}")])
                == #"{"status":"success","data":[{"__name__":"up","instance":"a:1","job":"node"},{"__name__":"up","instance":"b:1","job":"node"}]}"#
        )
        let limited = try fixture.text("series", [("match[]", "up"), ("limit", "1")])
        #expect(limited.hasSuffix(#""job":"node"}],"warnings":["results truncated due to limit"]}"#))
        #expect(try fixture.text("series", [("match[]", "up"), ("end", "1")]) == #"{"status":"success","data":[]}"#)
        #expect(
            try fixture.text("series", [("match[]", "up"), ("start", "2"), ("end", "1")])
                == #"{"status":"success","data":[]}"#)
        #expect(try fixture.post("/api/v1/series", [("match[]", "gone")]).text.contains("gone"))
    }

    @Test func wantsSelectors() throws {
        let fixture = try QueryFixture()
        let none = try fixture.get("/api/v1/series")
        #expect(none.status == 400)
        #expect(none.text == #"{"status":"error","errorType":"bad_data","error":"no match[] parameter provided"}"#)
        let empty = try fixture.get("/api/v1/series", [("match[]", "{job=~\".*\"}")])
        #expect(
            empty.text
                == #"{"status":"error","errorType":"bad_data","error":"invalid parameter \"match[]\": match[] must contain at least one non-empty matcher"}"#
        )
        #expect(try fixture.get("/api/v1/labels", [("match[]", "{job=~\".*\"}")]).status == 400)
        #expect(try fixture.get("/api/v1/labels", [("match[]", "sum(up)")]).status == 400)
    }

    @Test func listsLabelNames() throws {
        let fixture = try QueryFixture()
        #expect(
            try fixture.text("labels")
                == #"{"status":"success","data":["__name__","host.name","instance","job","path"]}"#)
        #expect(
            try fixture.post("/api/v1/labels", [("match[]", "up"), ("match[]", "gone")]).text
                == #"{"status":"success","data":["__name__","instance","job"]}"#)
        #expect(
            try fixture.text("labels", [("limit", "2")])
                == #"{"status":"success","data":["__name__","host.name"],"warnings":["results truncated due to limit"]}"#
        )
    }

    @Test func listsLabelValues() throws {
        let fixture = try QueryFixture()
        #expect(
            try fixture.text("label/__name__/values")
                == #"{"status":"success","data":["gone","http.status","requests_total","up"]}"#)
        #expect(
            try fixture.text("label/instance/values", [("match[]", "up{instance!=\"a:1\"}")])
                == #"{"status":"success","data":["b:1"]}"#)
        #expect(try fixture.text("label/U__host_2e_name/values") == #"{"status":"success","data":["ü"]}"#)
        #expect(try fixture.text("label/host.name/values") == #"{"status":"success","data":["ü"]}"#)
        #expect(try fixture.text("label/nothing/values") == #"{"status":"success","data":[]}"#)
        #expect(try fixture.get("/api/v1/label/U__/values").status == 400)
    }

    @Test func decodesEscapedNames() {
        #expect(EscapedName.decode("U__http_2e_status") == "http.status")
        #expect(EscapedName.decode("U__a__b") == "a_b")
        #expect(EscapedName.decode("U___FC_") == "ü")
        #expect(EscapedName.decode("U___1F600_") == "😀")
        #expect(EscapedName.decode("plain") == "plain")
        for wrong in ["U__a_", "U__a_zz_", "U__a_d800_", "U__a_1234567_", "U__a_2e"] {
            #expect(EscapedName.decode(wrong) == wrong)
        }
    }

    @Test func givesMetadata() throws {
        let fixture = try QueryFixture()
        #expect(
            try fixture.text("metadata")
                == #"{"status":"success","data":{"requests_total":[{"type":"counter","help":"Requests.","unit":""}],"#
                + #""up":[{"type":"gauge","help":"Whether it \"answers\".","unit":""},{"type":"unknown","help":"","unit":""}]}}"#
        )
        #expect(
            try fixture.text("metadata", [("metric", "up"), ("limit_per_metric", "1")])
                == #"{"status":"success","data":{"up":[{"type":"gauge","help":"Whether it \"answers\".","unit":""}]}}"#)
        #expect(
            try fixture.text("metadata", [("limit", "1")])
                == #"{"status":"success","data":{"requests_total":[{"type":"counter","help":"Requests.","unit":""}]}}"#)
        #expect(
            try fixture.text("metadata", [("limit", "x")])
                == #"{"status":"error","errorType":"bad_data","error":"limit must be a number"}"#)
    }

    @Test func federates() throws {
        let fixture = try QueryFixture { $0.externalLabels = Labels(["region": "north"]) }
        let response = try fixture.get("/federate", [("match[]", "{__name__=~\".+\"}")])
        #expect(response.status == 200)
        #expect(response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(
            response.text == """
                # TYPE "http.status" untyped
                {"http.status","host.name"="ü",region="north",instance=""} 1e-07 1700000000000
                # TYPE requests_total untyped
                requests_total{instance="a:1",path="/say \\"hi\\"\\n",region="north"} 60 1700000000000
                # TYPE up untyped
                up{instance="a:1",job="node",region="north"} 1 1700000000000
                up{instance="b:1",job="node",region="north"} 0 1700000000000

                """)
        #expect(try fixture.get("/federate").text.isEmpty)
        #expect(try fixture.get("/federate", [("match[]", "up{")]).status == 400)
    }
}
