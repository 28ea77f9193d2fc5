import Bedrock

/// Why an engine or a data directory can't be opened, or what it can't do.
public enum EngineError: Error, Equatable, Sendable, CustomStringConvertible {
    case newerVersion(what: String, found: Int, known: Int)
    case inUse(directory: String)
    case notADataDirectory(String)
    case badOptions(String)
    case failed(String)

    public var description: String {
        switch self {
        case .newerVersion(let what, let found, let known):
            "\(what) has format version \(found), this program knows \(known): use a newer one"
        case .inUse(let directory):
            "another process uses the data directory \(directory): stop it, or choose another --data-dir"
        case .notADataDirectory(let why), .badOptions(let why), .failed(let why): why
        }
    }
}

/// Whether an error of any room below says that there is no room on the medium.
func isDiskFull(_ error: any Error) -> Bool {
    switch error {
    case let error as FileError: error.reason == .full
    case let error as QueueError: if case .full = error { true } else { false }
    case let error as CatalogError: if case .full = error { true } else { false }
    default: false
    }
}
