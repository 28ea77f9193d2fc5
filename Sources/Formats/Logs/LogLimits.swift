/// Ceilings on one request of log entries. What passes a per-row or per-stream one costs that row or stream; a per-request one, the request.
public struct LogLimits: Sendable, Equatable {
    /// Bytes of a line.
    public var lineBytesMax = 2 << 20
    public var labelsPerStreamMax = 64
    /// Bytes of the name of a label or a field of metadata.
    public var labelNameBytesMax = 1024
    /// Bytes of the value of a stream label. Long values belong into the metadata or the line.
    public var labelValueBytesMax = 4096
    /// Fields of structured metadata of a row.
    public var metadataFieldsMax = 128
    /// Bytes of all structured metadata of a row.
    public var metadataBytesMax = 64 << 10
    public var streamsPerRequestMax = 100_000
    public var rowsPerRequestMax = 2_000_000
    /// Objects and arrays within one another.
    public var depthMax = 32

    public init() {}
}

/// How log receivers decode. By default what came is what is stored, without a byte more.
public struct LogDecodeOptions: Sendable, Equatable {
    public var limits = LogLimits()
    /// Give streams without a label `service_name` one, as Loki does: from the first of the labels that name a service, else `unknown_service`.
    public var addsServiceName = false
    /// Give rows without it the metadata `detected_level`, as Loki does: from severity, a field `level`, or the line.
    public var addsDetectedLevel = false

    public init() {}
}
