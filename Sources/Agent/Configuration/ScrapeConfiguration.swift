import Bedrock
import Formats

/// What the agent scrapes: `global` and `scrape_configs` of a configuration file.
public struct ScrapeConfiguration: Equatable, Sendable {
    public var global = GlobalConfiguration()
    public var jobs: [ScrapeJob] = []

    public init() {}

    /// Takes `global` and `scrape_configs` out of a file's root mapping, whose other keys are others' business.
    ///
    /// Everything wrong is noted with its place, so that the caller's `YAMLReader` throws all of it at once.
    /// - Parameter directory: what relative paths in the file are relative to.
    public init(_ root: YAMLMapping, directory: String) {
        let reader = ScrapeConfigurationReader(directory: directory)
        global = root["global"]?.mapping("global") { reader.global($0) } ?? GlobalConfiguration()
        var names: Set<String> = []
        for (index, item) in (root["scrape_configs"]?.list ?? []).enumerated() {
            let place = "scrape_configs[\(index)]"
            guard let job = item.mapping(place, { reader.job($0, global, place) }) ?? nil else { continue }
            if !names.insert(job.name).inserted { item.note("job_name \"\(job.name)\" is used twice") }
            jobs.append(job)
        }
    }

    /// Reads a text that holds nothing but these two keys; for tests and tools.
    public static func read(
        _ text: String, file: String, directory: String = "."
    ) throws(YAMLReader.Problems) -> ScrapeConfiguration {
        try YAMLReader.read(text, file: file) { root in
            root.mapping { ScrapeConfiguration($0, directory: directory) } ?? ScrapeConfiguration()
        }
    }
}
