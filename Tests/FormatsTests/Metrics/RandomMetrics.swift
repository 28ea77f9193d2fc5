import Bedrock

/// Requests of metrics of every shape, each in both encodings.
struct RandomMetrics {
    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    private mutating func pick(_ most: Int) -> Int { Int.random(in: 0...most, using: &random) }

    mutating func request() -> (json: String, protobuf: [UInt8]) {
        var resources: [String] = []
        var message = WireMessage()
        for number in 0...pick(1) {
            let attributes = self.attributes(["service.name", "service.instance.id", "host.name"])
            var inner = WireMessage()
            inner.bytes(1) { for pair in attributes { $0.bytes(1, pair.protobuf) } }
            var metrics: [String] = []
            var scope = WireMessage()
            scope.bytes(1) { $0.string(1, "lib\(number)") }
            for place in 0...pick(4) {
                let metric = self.metric("metric.\(place)")
                metrics.append(metric.json)
                scope.bytes(2, metric.protobuf)
            }
            inner.bytes(2, scope.bytes)
            message.bytes(1, inner.bytes)
            resources.append(
                #"{"resource":{"attributes":\#(list(attributes))},"scopeMetrics":[{"scope":{"name":"lib\#(number)"},"metrics":[\#(metrics.joined(separator: ","))]}]}"#
            )
        }
        return (#"{"resourceMetrics":[\#(resources.joined(separator: ","))]}"#, message.bytes)
    }

    private typealias Part = (json: String, protobuf: [UInt8])

    private func list(_ parts: [Part]) -> String { "[" + parts.map(\.json).joined(separator: ",") + "]" }

    private mutating func attributes(_ names: [String]) -> [Part] {
        var parts: [Part] = []
        for name in names where pick(3) > 0 {
            var value = WireMessage()
            let json: String
            switch pick(3) {
            case 0:
                let number = pick(100) - 50
                value.varint(3, UInt64(bitPattern: Int64(number)))
                json = #"{"intValue":"\#(number)"}"#
            case 1:
                value.varint(2, 1)
                json = #"{"boolValue":true}"#
            default:
                let text = ["a", "grüße", "x y"][pick(2)]
                value.string(1, text)
                json = #"{"stringValue":"\#(text)"}"#
            }
            var pair = WireMessage()
            pair.string(1, name)
            pair.bytes(2, value.bytes)
            parts.append((#"{"key":"\#(name)","value":\#(json)}"#, pair.bytes))
        }
        return parts
    }

    private mutating func metric(_ name: String) -> Part {
        let unit = ["", "s", "By", "1"][pick(3)]
        let shape = pick(4)
        let temporality = UInt64(pick(1) + 1)
        let isMonotonic = pick(1) == 1
        var data = WireMessage()
        var points: [String] = []
        for number in 0...pick(2) {
            let point = self.point(shape, time: UInt64(number + 1) * 1_000_000_000)
            points.append(point.json)
            data.bytes(1, point.protobuf)
        }
        var fields = #""dataPoints":[\#(points.joined(separator: ","))]"#
        if (1...3).contains(shape) {
            data.varint(2, temporality)
            fields += #","aggregationTemporality":\#(temporality)"#
        }
        if shape == 1, isMonotonic {
            data.varint(3, 1)
            fields += #","isMonotonic":true"#
        }
        let (key, field) = [
            ("gauge", UInt64(5)), ("sum", 7), ("histogram", 9), ("exponentialHistogram", 10), ("summary", 11),
        ][shape]
        var message = WireMessage()
        message.bytes(field, data.bytes)
        message.string(1, name)
        message.string(3, unit)
        return (#"{"\#(key)":{\#(fields)},"name":"\#(name)","unit":"\#(unit)"}"#, message.bytes)
    }

    private mutating func point(_ shape: Int, time: UInt64) -> Part {
        let attributes = self.attributes(["http.method", "code", "_x", "9y"])
        var message = WireMessage()
        var fields = #""timeUnixNano":"\#(time)","attributes":\#(list(attributes))"#
        let attributeField: UInt64 = shape == 2 ? 9 : shape == 3 ? 1 : 7
        for pair in attributes { message.bytes(attributeField, pair.protobuf) }
        message.fixed64(3, time)
        switch shape {
        case 0, 1:
            let value = Double(pick(1000)) / 4
            message.double(4, value)
            fields += #","asDouble":\#(value)"#
            exemplar(field: 5, &message, &fields)
        case 2: histogram(&message, &fields)
        case 3: exponential(&message, &fields)
        default:
            let count = pick(9)
            message.fixed64(4, UInt64(count))
            message.double(5, 2.5)
            message.bytes(6) {
                $0.double(1, 0.99)
                $0.double(2, 7)
            }
            fields += #","count":\#(count),"sum":2.5,"quantileValues":[{"quantile":0.99,"value":7}]"#
        }
        return ("{\(fields)}", message.bytes)
    }

    private mutating func exemplar(field: UInt64, _ message: inout WireMessage, _ fields: inout String) {
        guard pick(1) == 0 else { return }
        let value = Double(pick(20))
        message.bytes(field) {
            $0.fixed64(2, 3_000_000)
            $0.double(3, value)
            $0.bytes(4, [1, 2, 3, 4, 5, 6, 7, 8])
            $0.bytes(5, Array(1...16))
        }
        fields +=
            #","exemplars":[{"timeUnixNano":"3000000","asDouble":\#(value),"spanId":"0102030405060708","traceId":"0102030405060708090a0b0c0d0e0f10"}]"#
    }

    private mutating func histogram(_ message: inout WireMessage, _ fields: inout String) {
        let bounds = (0..<pick(4)).map { Double($0) * 2.5 }
        let counts = (0...bounds.count).map { _ in UInt64(pick(5)) }
        let total = counts.reduce(0, +)
        message.fixed64(4, total)
        message.double(5, 12.25)
        for count in counts { message.fixed64(6, count) }
        message.packed(7, bounds)
        exemplar(field: 8, &message, &fields)
        fields += #","count":"\#(total)","sum":12.25,"bucketCounts":\#(counts),"explicitBounds":\#(bounds)"#
    }

    private mutating func exponential(_ message: inout WireMessage, _ fields: inout String) {
        let (scale, offset) = (pick(16) - 4, pick(200) - 100)
        let positive = (0..<pick(8)).map { _ in UInt64(pick(2)) }
        let negative = (0..<pick(3)).map { _ in UInt64(pick(2)) }
        let total = positive.reduce(2, +) + negative.reduce(0, +)
        message.fixed64(4, total)
        message.double(5, 1.5)
        message.zigzag(6, Int64(scale))
        message.fixed64(7, 2)
        message.bytes(8) {
            $0.zigzag(1, Int64(offset))
            $0.packedVarints(2, positive)
        }
        message.bytes(9) { for count in negative { $0.varint(2, count) } }
        exemplar(field: 11, &message, &fields)
        fields +=
            #","count":\#(total),"sum":1.5,"scale":\#(scale),"zeroCount":2,"positive":{"offset":\#(offset),"bucketCounts":\#(positive)},"negative":{"bucketCounts":\#(negative)}"#
    }
}
