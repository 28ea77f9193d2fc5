import Bedrock
import Formats
import Transport

/// Fetches expositions over HTTP as Prometheus does. Thread-safe.
struct HTTPScrapeSource: ScrapeSource {
    let caller: any HTTPCaller
    let files: any FileSystem

    func fetch(_ target: ScrapeTarget, done: @escaping @Sendable (Result<ScrapeBody, ScrapeError>) -> Void) {
        let call: HTTPCall
        do throws(ScrapeError) { call = try self.call(target) } catch { return done(.failure(error)) }
        let fallback = target.job.fallbackProtocol
        let limit = call.responseMax
        caller.send(call) { result in
            done(Self.body(result, limit: limit, fallback: fallback))
        }
    }

    private func call(_ target: ScrapeTarget) throws(ScrapeError) -> HTTPCall {
        let http = target.job.http
        let seconds = Double(target.timeout) / 1000
        var headers: HTTPHeaders = [
            "Accept": ScrapeProtocol.accept(target.job.protocols),
            "X-Prometheus-Scrape-Timeout-Seconds": seconds == seconds.rounded()
                ? String(Int(seconds)) : String(seconds),
        ]
        if !http.asksForCompression { headers.add("Accept-Encoding", "identity") }
        var options = try http.callOptions(files: files, headers: &headers)
        options.connectSecondsMax = seconds
        let limit = target.job.limits.bodyBytesMax
        var call = HTTPCall(
            .get, target.url, headers: headers, timeoutSeconds: seconds,
            responseMax: limit > 0 ? min(limit, ScrapeLimits.bodyBytesCeiling) : ScrapeLimits.bodyBytesCeiling)
        call.options = options
        return call
    }

    private static func body(
        _ result: Result<HTTPResponse, HTTPCallError>, limit: Int, fallback: ScrapeProtocol?
    ) -> Result<ScrapeBody, ScrapeError> {
        switch result {
        case .failure(.tooLarge): return .failure(.bodyTooLarge(limit: limit))
        case .failure(let error): return .failure(.unreachable(error))
        case .success(let response):
            guard response.status == 200 else { return .failure(.status(response.status)) }
            let type = response.headers["Content-Type"]
            if let format = type.flatMap({ ExpositionFormat(contentType: $0) }) ?? fallback?.format {
                return .success(.text(response.body, format))
            }
            return .failure(.contentType(type))
        }
    }
}

extension ScrapeHTTP {
    /// Redirects followed, as many as Go's client does.
    private static let redirectsMax = 10
    private static let secretBytesMax = 64 << 10

    /// How a call to such a place is made; credentials that the client knows no word for go to `headers`.
    /// - Throws: `.secret` when the file of one can't be read.
    func callOptions(
        files: any FileSystem, headers: inout HTTPHeaders
    ) throws(ScrapeError) -> HTTPCallOptions {
        var options = HTTPCallOptions()
        switch credentials {
        case .none: break
        case .basic(let user, let password):
            options.credentials = .basic(
                user: user,
                password: try password.map { (source) throws(ScrapeError) in try Self.reveal(source, files) } ?? "")
        case .authorization(let type, let source):
            let secret = try Self.reveal(source, files)
            if type.lowercased() == "bearer" {
                options.credentials = .bearer(secret)
            } else {
                headers.add("Authorization", "\(type) \(secret)")
            }
        }
        options.tls.authoritiesFile = tls.authoritiesFile
        options.tls.certificateFile = tls.certificateFile
        options.tls.keyFile = tls.keyFile
        options.tls.serverName = tls.serverName
        options.tls.skipsVerification = tls.skipsVerification
        options.redirectsMax = followsRedirects ? Self.redirectsMax : 0
        options.proxy = proxy
        return options
    }

    private static func reveal(_ source: SecretSource, _ files: any FileSystem) throws(ScrapeError) -> String {
        switch source {
        case .text(let secret): return secret.reveal
        case .file(let path):
            do throws(FileError) {
                let bytes = try files.readAll(path, limit: Self.secretBytesMax)
                return String(decoding: bytes.trimmingLineEnds, as: UTF8.self)
            } catch {
                throw .secret(error)
            }
        }
    }
}

extension ScrapeProtocol {
    var format: ExpositionFormat {
        switch self {
        case .text004, .text100: .classic
        case .openMetrics001, .openMetrics100: .openMetrics
        }
    }
}

extension [UInt8] {
    /// Without the white space that editors leave at the end of a file.
    fileprivate var trimmingLineEnds: ArraySlice<UInt8> {
        var slice = self[...]
        while let last = slice.last, last <= 32 { slice.removeLast() }
        while let first = slice.first, first <= 32 { slice.removeFirst() }
        return slice
    }
}
