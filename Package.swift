// swift-tools-version: 6.2
import PackageDescription

// One target is one room; the arrows between them are DESIGN's, and `Tests/TidyTests` enforces them.

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

func library(_ name: String, apt: String, pkgConfig: String? = nil) -> Target {
    .systemLibrary(name: name, path: "Sources/Shims/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func room(_ name: String, _ dependencies: [String]) -> Target {
    .target(
        name: name, dependencies: dependencies.map { .byName(name: $0) }, path: "Sources/\(name)",
        exclude: ["README.md"], swiftSettings: strict)
}

func program(_ name: String, _ dependencies: [String]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies.map { .byName(name: $0) }, path: "Sources/\(name)",
        exclude: ["README.md"], swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [String], exclude: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies.map { .byName(name: $0) }, path: "Tests/\(name)", exclude: exclude,
        swiftSettings: strict)
}

let package = Package(
    name: "obs",
    products: [
        .library(name: "Instruments", targets: ["Instruments"]),
        .library(name: "Obs", targets: ["Obs"]),
        .library(name: "ObsFoundation", targets: ["ObsFoundation"]),
        .library(name: "PromQL", targets: ["PromQL"]),
        .library(name: "ObsClient", targets: ["Client"]),
        .executable(name: "obsd", targets: ["obsd"]),
        .executable(name: "obsq", targets: ["obsq"]),
        .executable(name: "obsbench", targets: ["obsbench"]),
        .executable(name: "shop", targets: ["shop"]),
    ],
    targets: [
        library("CZlib", apt: "zlib1g-dev", pkgConfig: "zlib"),
        library("CZstd", apt: "libzstd-dev", pkgConfig: "libzstd"),
        library("CSnappy", apt: "libsnappy-dev", pkgConfig: "snappy"),
        library("CYaml", apt: "libyaml-dev", pkgConfig: "yaml-0.1"),
        library("CSQLite", apt: "libsqlite3-dev", pkgConfig: "sqlite3"),
        library("CRoaring", apt: "libroaring-dev"),
        library("CNcurses", apt: "libncurses-dev"),
        library("CNghttp2", apt: "libnghttp2-dev", pkgConfig: "libnghttp2"),
        .target(name: "CLinux", path: "Sources/Shims/CLinux"),
        .target(name: "CObs", path: "Sources/Shims/CObs"),
        .target(name: "CAllocations", path: "Sources/Shims/CAllocations"),
        .target(
            name: "CRE2", path: "Sources/Shims/CRE2",
            linkerSettings: [.linkedLibrary("re2"), .linkedLibrary("stdc++")]),
        .target(name: "CJournal", path: "Sources/Shims/CJournal", linkerSettings: [.linkedLibrary("dl")]),
        .target(name: "CCurl", path: "Sources/Shims/CCurl", linkerSettings: [.linkedLibrary("curl")]),
        .target(
            name: "CMicroHTTPD", path: "Sources/Shims/CMicroHTTPD",
            linkerSettings: [.linkedLibrary("microhttpd"), .linkedLibrary("gnutls")]),

        room("Bedrock", ["CLinux", "CZlib", "CZstd", "CSnappy", "CRE2"]),
        room("Model", ["Bedrock"]),
        room("Instruments", ["Bedrock"]),
        room("Formats", ["Model", "Bedrock", "CYaml"]),
        room("Transport", ["Bedrock", "CCurl", "CMicroHTTPD", "CNghttp2", "CLinux"]),
        room("LSM", ["Model", "Bedrock", "Instruments", "CSQLite"]),
        room("MetricStore", ["LSM", "Model", "Bedrock", "Instruments", "CRoaring"]),
        room("Columns", ["Model", "Bedrock"]),
        room("LogStore", ["LSM", "Columns", "Model", "Bedrock", "Instruments"]),
        room("TraceStore", ["LSM", "Columns", "Model", "Bedrock", "Instruments"]),
        room("Kernels", ["Model", "Bedrock"]),
        room("PromQL", ["Kernels", "Model", "Bedrock"]),
        room("LogQL", ["Kernels", "Model", "Bedrock"]),
        room("TraceQL", ["Kernels", "Model", "Bedrock"]),
        room("Receivers", ["Formats", "Transport", "Model", "Bedrock", "Instruments", "CLinux"]),
        room("SpanMetrics", ["Model", "Bedrock", "Instruments"]),
        room(
            "Collector",
            [
                "Receivers", "MetricStore", "LogStore", "TraceStore", "LSM", "Formats", "Transport", "Model", "Bedrock",
                "Instruments",
            ]),
        room(
            "Agent",
            ["LogQL", "Receivers", "Formats", "Transport", "Model", "Bedrock", "Instruments", "CLinux", "CJournal"]),
        room(
            "QueryServer",
            [
                "PromQL", "LogQL", "TraceQL", "Kernels", "MetricStore", "LogStore", "LSM", "Formats", "Transport",
                "Model",
                "Bedrock", "Instruments",
            ]),
        room("Obs", ["Formats", "Transport", "Instruments", "Model", "Bedrock", "CObs"]),
        room("ObsFoundation", ["Obs"]),
        room("Client", ["Transport", "Formats", "Model", "Bedrock"]),
        room("Dashboards", ["Client", "Formats", "Model", "Bedrock"]),
        room("TerminalUI", ["Dashboards", "Client", "Formats", "Model", "Bedrock", "CNcurses"]),
        room("Configuration", ["Agent", "Formats", "Model", "Bedrock"]),
        program(
            "obsd",
            [
                "Configuration", "CLinux", "QueryServer", "SpanMetrics", "Collector", "Agent", "Receivers", "PromQL",
                "LogQL",
                "MetricStore", "LogStore", "LSM", "Formats", "Transport", "Instruments", "Model", "Bedrock",
            ]),
        program(
            "obsq",
            [
                "Configuration", "TerminalUI", "Dashboards", "Client", "Agent", "Collector", "QueryServer",
                "Instruments",
                "PromQL", "LogQL", "TraceQL", "MetricStore", "LogStore", "TraceStore", "LSM", "Formats", "Transport",
                "Model", "Bedrock",
            ]),
        program("shop", ["Obs", "Transport", "Bedrock"]),
        program(
            "obsbench",
            [
                "Agent", "Collector", "QueryServer", "Receivers", "PromQL", "LogQL", "MetricStore", "LogStore",
                "TraceStore", "Columns", "LSM", "Formats", "Obs", "CAllocations",
                "Transport", "Model", "Bedrock", "Instruments",
            ]),

        tests("TidyTests", []),
        tests("BedrockTests", ["Bedrock"]),
        tests("ModelTests", ["Model", "Bedrock"]),
        tests("InstrumentsTests", ["Instruments", "Bedrock"]),
        tests("FormatsTests", ["Formats", "Model", "Bedrock"]),
        tests("TransportTests", ["Transport", "Bedrock"]),
        .target(
            name: "LSMKit", dependencies: ["LSM", "Model", "Bedrock"], path: "Tests/LSMKit", swiftSettings: strict),
        .target(name: "ConformanceKit", path: "Tests/ConformanceKit", swiftSettings: strict),
        .target(name: "LogKit", dependencies: ["Model", "Bedrock"], path: "Tests/LogKit", swiftSettings: strict),
        tests("LSMTests", ["LSMKit", "LSM", "Model", "Bedrock"]),
        tests("MetricStoreTests", ["MetricStore", "LSM", "Model", "Bedrock"], exclude: ["Golden"]),
        tests("ColumnsTests", ["Columns", "Model", "Bedrock"]),
        tests("LogStoreTests", ["LogStore", "Columns", "LSM", "Model", "Bedrock"], exclude: ["Golden"]),
        tests(
            "TraceStoreTests", ["TraceKit", "TraceQL", "LSMKit", "TraceStore", "Columns", "LSM", "Model", "Bedrock"]),
        tests(
            "LogQLTests", ["ConformanceKit", "LogQL", "Kernels", "Model", "Formats", "Bedrock"],
            exclude: ["KnownGaps.txt"]),
        .target(
            name: "TraceKit", dependencies: ["TraceQL", "Model", "Bedrock"], path: "Tests/TraceKit",
            swiftSettings: strict),
        tests(
            "TraceQLTests", ["ConformanceKit", "TraceKit", "TraceQL", "Kernels", "Model", "Formats", "Bedrock"],
            exclude: ["KnownGaps.txt"]),
        tests("KernelsTests", ["Kernels", "Model", "Bedrock"]),
        tests(
            "PromQLTests", ["ConformanceKit", "PromQL", "Kernels", "Model", "Formats", "Bedrock"],
            exclude: ["KnownGaps.txt"]),
        tests("SpanMetricsTests", ["SpanMetrics", "Instruments", "Model", "Bedrock"]),
        tests("ObsFoundationTests", ["ObsFoundation", "Obs", "Transport"]),
        tests("ObsTests", ["Obs", "Formats", "Transport", "Instruments", "Model", "Bedrock"]),
        tests("ClientTests", ["Client", "Model", "Bedrock"]),
        tests("ReceiversTests", ["Receivers", "Formats", "Transport", "Instruments", "Model", "Bedrock"]),
        tests("AgentTests", ["Agent", "Receivers", "Formats", "Transport", "Instruments", "Model", "Bedrock"]),
        tests(
            "ServerTests",
            [
                "LogKit", "TraceKit", "TraceQL", "Collector", "QueryServer", "Receivers", "PromQL", "LogQL",
                "MetricStore", "LogStore", "LSM",
                "Formats", "Transport",
                "Instruments", "Model", "Bedrock",
            ]),
        tests("DashboardsTests", ["Dashboards", "TerminalUI", "Client", "Formats", "Transport", "Model", "Bedrock"]),
        tests("ConfigurationTests", ["Configuration", "Formats", "Model", "Bedrock"]),
        tests(
            "Simulation", ["LSMKit", "Collector", "MetricStore", "LogStore", "TraceStore", "LSM", "Model", "Bedrock"]),
        tests(
            "EndToEndTests",
            [
                "LogKit", "Collector", "LSM", "Instruments", "Client", "obsd", "obsq", "Formats", "Transport", "Model",
                "Bedrock",
            ]),
    ],
    cxxLanguageStandard: .cxx17
)
