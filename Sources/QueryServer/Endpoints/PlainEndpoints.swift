import Bedrock
import Formats
import Model
import Transport

extension QueryAPI {
    /// What answers outside `/api/v1`, in plain text.
    func plainRoutes() -> [HTTPRoute] {
        [
            HTTPRoute([.get], "/-/healthy") { _, respond in
                respond(HTTPResponse(contentType: Self.plainText, "obs server is healthy.\n"))
            },
            HTTPRoute([.get], "/-/ready") { [self] _, respond in
                respond(
                    dependencies.isReady()
                        ? HTTPResponse(contentType: Self.plainText, "obs server is ready.\n") : Self.notReady)
            },
            readingPlain([.get], "/metrics", whenReady: false) { [self] _ in
                HTTPResponse(
                    status: 200, headers: ["Content-Type": Self.exposition], body: dependencies.metrics())
            },
            readingPlain([.get], "/federate") { [self] call in
                do throws(APIError) {
                    return HTTPResponse(
                        status: 200, headers: ["Content-Type": Self.exposition],
                        body: try Federation(self).exposition(call))
                } catch {
                    return HTTPResponse(
                        status: error.kind == .badData ? 400 : error.status, contentType: Self.plainText,
                        error.text + "\n")
                }
            },
        ]
    }

    private static let plainText = "text/plain; charset=utf-8"
    private static let exposition = "text/plain; version=0.0.4; charset=utf-8"
}
