/// Which fields of a JSON document are its time, its line and its stream's labels. Names of nested fields are joined by dots.
public struct DocumentFields: Sendable, Equatable {
    /// The first of these that a document has is its time.
    public var time: [String]
    /// The first of these that a document has, and that isn't empty, is its line.
    public var message: [String]
    /// Fields that become labels; the others are structured metadata.
    public var stream: [String]

    public init(time: [String], message: [String], stream: [String]) {
        self.time = time
        self.message = message
        self.stream = stream
    }

    /// As Elastic's senders name them.
    public static let elastic = DocumentFields(
        time: ["@timestamp", "timestamp"], message: ["message", "msg"], stream: ["service.name", "host.name"])
    /// As VictoriaLogs names them, if its caller names none.
    public static let jsonLines = DocumentFields(time: ["_time"], message: ["_msg"], stream: [])
}

/// `DocumentFields` in the form in which they are compared.
struct DocumentFieldNames {
    enum Role {
        case time(rank: Int)
        case message(rank: Int)
        case stream
        case other
    }

    private let time: [[UInt8]]
    private let message: [[UInt8]]
    private let stream: [[UInt8]]

    init(_ fields: DocumentFields) {
        time = fields.time.map { Array($0.utf8) }
        message = fields.message.map { Array($0.utf8) }
        stream = fields.stream.map { Array($0.utf8) }
    }

    func role(_ path: UnsafeRawBufferPointer) -> Role {
        for (rank, name) in time.enumerated() where Self.same(name, path) { return .time(rank: rank) }
        for (rank, name) in message.enumerated() where Self.same(name, path) { return .message(rank: rank) }
        for name in stream where Self.same(name, path) { return .stream }
        return .other
    }

    @inline(__always)
    private static func same(_ name: [UInt8], _ path: UnsafeRawBufferPointer) -> Bool {
        name.count == path.count && name.withUnsafeBytes { $0.elementsEqual(path) }
    }
}
