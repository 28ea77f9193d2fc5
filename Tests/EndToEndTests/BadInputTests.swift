import Bedrock
import Formats
import Foundation
import Model
import Testing

/// What hostile and clumsy clients send: the right status, no crash, and nothing lost that was accepted.
@Suite(.serialized) struct BadInputTests {
    private let now = Int64(Date().timeIntervalSince1970) * 1000

    private func post(_ server: ObsdProcess, _ body: Data, _ change: [String: String] = [:]) throws -> (
        status: Int, body: String
    ) {
        try server.post(
            "/api/v1/write", body, headers: RemoteWriteClient.headers.merging(change) { _, changed in changed })
    }

    @Test func remoteWriteBodies() throws {
        let folder = try TemporaryFolder()
        let server = try ObsdProcess("collector", data: folder.path + "/data")
        let good = RemoteWriteClient.body(metric: "good", series: 20, timestamp: now) { Double($0) }
        #expect(try post(server, good).status == 204)
        for length in [0, 1, good.count / 2, good.count - 1] {
            let answer = try post(server, good.prefix(length))
            #expect(
                length == 0 ? [204, 400].contains(answer.status) : answer.status == 400,
                "truncated to \(length): \(answer)")
        }
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<200 {
            var flipped = good
            flipped[Int.random(in: 0..<flipped.count, using: &generator)] ^=
                1 << UInt8.random(in: 0..<8, using: &generator)
            let status = try post(server, flipped).status
            #expect([204, 400, 413].contains(status))
        }
        #expect(try post(server, good, ["Content-Encoding": "zstd"]).status == 415)
        #expect(try post(server, good, ["Content-Type": "text/plain"]).status == 415)
        #expect(try HTTP.value(server.url, "count(good)") ?? 0 >= 20)
        #expect(server.isRunning)
    }

    @Test func aTenantThatIsNoneReadsNothing() throws {
        let folder = try TemporaryFolder()
        let server = try ObsdProcess("collector", data: folder.path + "/data")
        for path in ["/api/v1/labels", "/loki/api/v1/labels", "/loki/api/v1/export?query=%7Ba%3D%22b%22%7D"] {
            for name in ["a|b", "../x", String(repeating: "t", count: 151)] {
                let answer = try HTTP.exchange("GET", server.url + path, headers: ["X-Scope-OrgID": name])
                #expect(answer.status == 400 && answer.body.contains("X-Scope-OrgID"), "\(path), \(name): \(answer)")
            }
            #expect(try HTTP.exchange("GET", server.url + path, headers: ["X-Scope-OrgID": "a.b"]).status == 200)
        }
    }

    @Test func compressionBombs() throws {
        let folder = try TemporaryFolder()
        let server = try ObsdProcess("collector", data: folder.path + "/data")
        // A snappy block that announces 4 GiB.
        let announced = Data([0xFF, 0xFF, 0xFF, 0xFF, 0x0F] + [UInt8](repeating: 0, count: 64))
        #expect([400, 413].contains(try post(server, announced).status))
        let zeros = [UInt8](repeating: 0, count: 256 << 20)
        var snappy = ByteBuffer()
        zeros.withUnsafeBytes { Snappy.compress($0, into: &snappy) }
        #expect([400, 413].contains(try post(server, Data(snappy.array())).status))
        var gzip = ByteBuffer()
        zeros.withUnsafeBytes { Gzip.compress($0, into: &gzip) }
        let text = try server.post(
            "/api/v1/import/prometheus", Data(gzip.array()),
            headers: ["Content-Encoding": "gzip", "Content-Type": "text/plain"])
        #expect(text.status == 413, "\(text)")
        #expect(server.isRunning)
    }

    @Test func labelsBeyondLimits() throws {
        let folder = try TemporaryFolder()
        let server = try ObsdProcess("collector", data: folder.path + "/data")
        let batch = MetricBatch()
        batch.beginSeries(Labels([Label("__name__", "long"), Label("l", String(repeating: "x", count: 1 << 20))]))
        batch.append(timestamp: now, value: 1)
        batch.beginSeries(Labels([Label("__name__", "fine")]))
        batch.append(timestamp: now, value: 1)
        let answer = try post(server, RemoteWriteClient.body(batch))
        #expect(answer.status == 400 && answer.body.contains("long"), "\(answer.status) \(answer.body.prefix(300))")
        #expect(try HTTP.value(server.url, "count(long)") == nil)
        let invalid = MetricBatch()
        var bytes = ByteBuffer()
        for part in [Array("__name__".utf8), [0x61, 0xFF, 0xFE]] { part.withUnsafeBytes { bytes.append(prefixed: $0) } }
        invalid.beginSeries(canonical: bytes.bytes)
        invalid.append(timestamp: now, value: 1)
        #expect(try post(server, RemoteWriteClient.body(invalid)).status == 400)
        let late = RemoteWriteClient.body(metric: "future", series: 1, timestamp: now + 3_600_000) { _ in 1 }
        let refused = try post(server, late)
        #expect(refused.status == 400 && refused.body.contains("ahead of the clock"), "\(refused)")
    }

    /// curl calls every body a form; an exposition stays one.
    @Test func importsDoNotCareForTheContentType() throws {
        let folder = try TemporaryFolder()
        let server = try ObsdProcess("collector", data: folder.path + "/data")
        let answer = try server.post(
            "/api/v1/import/prometheus", Data("pct{a=\"100%\"} 5\n".utf8),
            headers: ["Content-Type": "application/x-www-form-urlencoded"])
        #expect(answer.status / 100 == 2, "\(answer)")
        #expect(try HTTP.value(server.url, "pct{a=\"100%\"}") == 5)
    }

    @Test func configurationTypos() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("obs.yml", "storage:\n  retenton: 2d\n")
        let server = try run(Programs.obsd, ["all", "--config", file, "--data-dir", folder.path + "/data"])
        #expect(server.status == 1)
        #expect(server.errors.contains("obs.yml:2:3: unknown key \"retenton\""), "\(server.errors)")
        #expect(server.errors.contains("did you mean \"retention\"?"))
        let check = try run(Programs.obsq, ["check", "config", file])
        #expect(check.status == 1 && check.output.contains("obs.yml:2:3: unknown key"))
        #expect(try run(Programs.obsd, ["all", "--data-dri", "x"]).status == 2)
    }

    @Test func twoProcessesOnOneFolder() throws {
        let folder = try TemporaryFolder()
        let first = try ObsdProcess("collector", data: folder.path + "/data")
        let second = try run(
            Programs.obsd, ["collector", "--data-dir", folder.path + "/data", "--listen", "127.0.0.1:0"])
        #expect(second.status == 1 && second.errors.contains("another process uses"), "\(second.errors)")
        #expect(first.isRunning)
        let local = try run(Programs.obsq, ["query", "up", "--data", folder.path + "/data"])
        #expect(local.status == 3 && local.errors.contains("in use"), "\(local.errors)")
    }

    @Test func newerAndForeignFolders() throws {
        let folder = try TemporaryFolder()
        let data = folder.path + "/data"
        #expect(try ObsdProcess("collector", data: data).stop() == 0)
        try Data("99\n".utf8).write(to: URL(fileURLWithPath: data + "/VERSION"))
        let newer = try run(Programs.obsd, ["collector", "--data-dir", data, "--listen", "127.0.0.1:0"])
        #expect(newer.status == 1 && newer.errors.contains("99"), "\(newer.errors)")
        _ = try folder.write("something", "else")
        let foreign = try run(Programs.obsd, ["collector", "--data-dir", folder.path, "--listen", "127.0.0.1:0"])
        #expect(foreign.status == 1 && foreign.errors.contains("choose an empty directory"), "\(foreign.errors)")
    }

    @Test func beyondLoopbackWantsAToken() throws {
        let folder = try TemporaryFolder()
        let open = try run(Programs.obsd, ["collector", "--data-dir", folder.path + "/data", "--listen", "0.0.0.0:0"])
        #expect(open.status == 1 && open.errors.contains("token"), "\(open.errors)")
    }

    @Test func tokensGuardEverythingButHealth() throws {
        let folder = try TemporaryFolder()
        let server = try ObsdProcess("collector", data: folder.path + "/data", environment: ["OBS_TOKEN": "hunter2"])
        #expect(try server.get("/-/healthy").status == 200)
        #expect(try server.get("/api/v1/labels").status == 401)
        let allowed = try HTTP.exchange(
            "GET", server.url + "/api/v1/labels", headers: ["Authorization": "Bearer hunter2"])
        #expect(allowed.status == 200)
        #expect(!server.logText.contains("hunter2"))
        #expect(
            !(try HTTP.exchange(
                "GET", server.url + "/api/v1/status/flags", headers: ["Authorization": "Bearer hunter2"])).body
                .contains("hunter2"))
    }

    @Test func reloadKeepsTheOldConfigurationWhenTheNewOneIsWrong() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("obs.yml", "scrape_configs: []\n")
        let server = try ObsdProcess(data: folder.path + "/data", ["--config", file])
        _ = try folder.write("obs.yml", "scrape_confgs: []\n")
        server.hangUp()
        #expect(server.waitForLog("was not reloaded")?.contains("unknown key") == true)
        _ = try folder.write("obs.yml", "limits: {out_of_order: 2d}\n")
        server.hangUp()
        #expect(server.waitForLog("limits.out_of_order: 1d -> 2d") != nil, "\(server.logText)")
        #expect(server.isRunning)
    }
}

@Suite(.serialized) struct VerifyTests {
    /// A flipped byte in a segment is found by `verify`, reported by the server, and costs nothing but what it holds.
    @Test func aFlippedByteIsFoundAndTheRestIsServed() throws {
        let folder = try TemporaryFolder()
        let data = folder.path + "/data"
        let now = Int64(Date().timeIntervalSince1970) * 1000
        let server = try ObsdProcess("collector", data: data)
        for tick in 0..<50 {
            let body = RemoteWriteClient.body(metric: "kept", series: 200, timestamp: now - 60_000 + Int64(tick) * 1000)
            {
                Double($0) * 1.1 + Double(tick)
            }
            #expect(try server.post("/api/v1/write", body, headers: RemoteWriteClient.headers).status == 204)
        }
        #expect(server.stop() == 0)
        let sound = try run(Programs.obsq, ["verify", data])
        #expect(sound.status == 0 && sound.output.contains("sound"), "\(sound.output)\(sound.errors)")
        let objects = try #require(FileManager.default.enumerator(atPath: data + "/objects"))
        let names = objects.compactMap { $0 as? String }.filter { !$0.hasSuffix("/") && $0.contains("metrics/") }
        let files = names.map { data + "/objects/" + $0 }.filter {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: $0, isDirectory: &isFolder) && !isFolder.boolValue
        }
        let victim = try #require(files.sorted().first)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: victim))
        bytes[bytes.count / 3] ^= 0x10
        try bytes.write(to: URL(fileURLWithPath: victim))
        let damaged = try run(Programs.obsq, ["verify", data])
        #expect(damaged.status == 1 && damaged.output.contains("damaged"), "\(damaged.output)\(damaged.errors)")
        let again = try ObsdProcess("collector", data: data)
        let count = try HTTP.value(again.url, "count(count_over_time(kept[5m]))", time: "\(now / 1000)")
        #expect((count ?? 0) > 50, "only \(count ?? 0) series are left")
        #expect(again.waitForLog("msg=damaged") != nil, "\(again.logText)")
        #expect(again.stop() == 0)
        // The same folder answers without a server.
        let local = try run(
            Programs.obsq, ["query", "count(count_over_time(kept[5m]))", "--time", "\(now / 1000)", "--data", data])
        #expect(local.status == 0 && local.output.contains("\(Int(count ?? 0))"), "\(local.output)\(local.errors)")
    }
}
