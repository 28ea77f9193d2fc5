import Bedrock
import Formats
import Transport

/// Fetches JSON for discovery, with the credentials and TLS of its entry.
struct DiscoveryFetcher: Sendable {
    let caller: any HTTPCaller
    let files: any FileSystem
    let http: ScrapeHTTP

    static let answerBytesMax = 64 << 20

    func get(
        _ url: String, unixSocket: String? = nil, headers: HTTPHeaders = .init(),
        _ done: @escaping @Sendable (Result<JSONValue, DiscoveryFailure>) -> Void
    ) {
        var call = HTTPCall(.get, url, headers: headers, timeoutSeconds: 30, responseMax: Self.answerBytesMax)
        do throws(ScrapeError) {
            var options = try http.callOptions(files: files, headers: &call.headers)
            options.unixSocket = unixSocket
            call.options = options
        } catch {
            return done(.failure(DiscoveryFailure("\(error)")))
        }
        caller.send(call) { result in
            switch result {
            case .failure(let error): done(.failure(DiscoveryFailure(error.description)))
            case .success(let response):
                guard response.status == 200 else {
                    return done(.failure(DiscoveryFailure("HTTP status \(response.status)")))
                }
                done(Self.parse(response.body))
            }
        }
    }

    private static func parse(_ body: [UInt8]) -> Result<JSONValue, DiscoveryFailure> {
        body.withUnsafeBytes { bytes in
            do throws(JSONError) { return .success(try JSONValue(parsing: bytes)) } catch {
                return .failure(DiscoveryFailure("the answer is no JSON: \(error)"))
            }
        }
    }
}

/// `http_sd_configs`: a URL that answers with target groups, as Prometheus defines them.
struct HTTPTargetProvider: TargetProvider {
    let url: String
    let fetcher: DiscoveryFetcher
    let refreshSeconds: Int64

    func fetch(_ done: @escaping @Sendable (Result<[TargetGroup], DiscoveryFailure>) -> Void) {
        let url = url
        let headers: HTTPHeaders = [
            "Accept": "application/json", "X-Prometheus-Refresh-Interval-Seconds": String(refreshSeconds),
        ]
        fetcher.get(url, headers: headers) { result in
            done(
                result.flatMap { document in
                    do throws(TargetFile.Invalid) {
                        let groups = try TargetFile.groups(document, RemoteWriteDestination.safeName(url))
                        return .success(
                            groups.map {
                                TargetGroup(addresses: $0.addresses, labels: $0.labels + [LabelPair("__meta_url", url)])
                            })
                    } catch {
                        return .failure(DiscoveryFailure(error.description))
                    }
                })
        }
    }
}
