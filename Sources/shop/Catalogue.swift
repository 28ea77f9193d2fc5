/// What the shop's services do: each operation works a while, and calls others.
struct Operation: Sendable {
    struct Call: Sendable {
        /// How often it is made, 0 to 1.
        let share: Double
        let service: String
        let operation: String
    }

    let service: String
    let name: String
    /// Own time at the median, milliseconds.
    let milliseconds: Double
    let calls: [Call]

    init(_ service: String, _ name: String, _ milliseconds: Double, _ calls: [(Double, String, String)] = []) {
        self.service = service
        self.name = name
        self.milliseconds = milliseconds
        self.calls = calls.map { Call(share: $0.0, service: $0.1, operation: $0.2) }
    }
}

enum Catalogue {
    static let services = ["gateway", "catalog", "cart", "checkout", "inventory", "payment"]

    static let operations: [Operation] = [
        Operation("gateway", "home", 2, [(1, "catalog", "list"), (0.4, "cart", "read")]),
        Operation("gateway", "product", 2, [(1, "catalog", "item"), (0.6, "inventory", "stock")]),
        Operation("gateway", "basket", 2, [(1, "cart", "add"), (1, "inventory", "stock")]),
        Operation("gateway", "order", 3, [(1, "checkout", "place")]),
        Operation("catalog", "list", 8), Operation("catalog", "item", 4),
        Operation("cart", "read", 2), Operation("cart", "add", 3, [(0.3, "catalog", "item")]),
        Operation("inventory", "stock", 3), Operation("inventory", "reserve", 6),
        Operation(
            "checkout", "place", 10,
            [(1, "cart", "read"), (1, "inventory", "reserve"), (1, "payment", "charge")]),
        Operation("payment", "charge", 40),
    ]

    /// What visitors ask of the gateway, and how often.
    static let visits: [(operation: String, weight: Int)] = [
        ("home", 40), ("product", 35), ("basket", 15), ("order", 10),
    ]
}
