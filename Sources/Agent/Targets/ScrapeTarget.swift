import Bedrock
import Model

/// One thing to scrape, with everything that follows from its labels. Immutable and thread-safe.
struct ScrapeTarget: Sendable, Equatable {
    let job: ScrapeJob
    /// What every series of it gets: without the labels that begin with `__`.
    let labels: Labels
    /// As discovered, before relabelling.
    let discovered: Labels
    /// Absolute and percent-encoded; `builtin:<job>` for what needs no network.
    let url: String
    /// Milliseconds.
    let interval: Int64
    let timeout: Int64

    /// Labels and URL: two configurations that agree in it mean the same target, whose state goes on over a reload.
    struct Identity: Hashable, Sendable {
        let labels: Labels
        let url: String
    }

    var identity: Identity { Identity(labels: labels, url: url) }

    /// Which of `count` workers scrapes it; the same after a restart.
    func shard(of count: Int) -> Int { Int(labels.hash128.high % UInt64(count)) }

    /// Where in its interval this target is scraped, milliseconds: spread over all targets, and the same after a restart.
    var offset: Int64 {
        var text = url
        let url = text.withUTF8 { Hash128(of: UnsafeRawBufferPointer($0)) }
        return Int64((labels.hash128.low ^ url.low) % UInt64(interval))
    }
}

/// A target that relabelling dropped, for display.
struct DroppedTarget: Sendable, Equatable {
    let job: String
    let discovered: Labels
}
