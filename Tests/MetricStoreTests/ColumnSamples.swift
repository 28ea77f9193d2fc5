import Bedrock
import Model

/// Value and timestamp columns of every kind that encoders tell apart, and the values that break them.
enum ColumnSamples {
    static let specials: [Double] = [
        0, -0.0, 1, -1, .infinity, -.infinity, .nan, StaleMarker.value, Double(bitPattern: 0x7ff8_dead_beef_0001),
        Double(bitPattern: 0xfff0_0000_0000_0001), .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
        .leastNormalMagnitude, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 0.1, 1e-18, 1e18, 1e300,
        9_007_199_254_740_992, 2_251_799_813_685_247, 2_251_799_813_685_248, -2_251_799_813_685_248, 4503599627370496.5,
        .ulpOfOne, .pi, 1 / 3,
    ]

    enum Kind: CaseIterable {
        case constant, constantNoise, counter, counterWithResets, decimals, gauge, pages, noise, walk, mixed, specials
        case mostlyDecimals, bits
    }

    static func values(_ kind: Kind, count: Int, _ generator: inout SeededGenerator) -> [Double] {
        var level = Double(generator.next() % 1_000_000)
        let constant = Double(bitPattern: generator.next())
        return (0..<count).map { _ in
            let step = Double(generator.next() % 100)
            switch kind {
            case .constant: return level
            case .constantNoise: return constant
            case .counter: level += step
            case .counterWithResets: level = generator.next() % 40 == 0 ? 0 : level + step
            case .decimals: return (level + step) / 1000
            case .gauge: return Double(generator.next() % 200) - 100
            case .pages: return level * 4096 + step * 4096
            case .noise: return Double.random(in: -1...1, using: &generator)
            case .walk: level += Double.random(in: -0.5...0.5, using: &generator)
            case .mixed: return generator.next() % 2 == 0 ? step : Double.random(in: 0...1e9, using: &generator)
            case .specials: return specials[Int(generator.next() % UInt64(specials.count))]
            case .mostlyDecimals:
                return generator.next() % 30 == 0 ? specials[Int(generator.next() % UInt64(specials.count))] : step / 10
            case .bits: return Double(bitPattern: generator.next())
            }
            return level
        }
    }

    enum Schedule: CaseIterable {
        case regular, jitter, gaps, drift, dense, extreme
    }

    /// Strictly ascending milliseconds.
    static func timestamps(_ kind: Schedule, count: Int, _ generator: inout SeededGenerator) -> [Int64] {
        var time: Int64 = 1_700_000_000_000 + Int64(generator.next() % 100_000)
        let start = time
        if kind == .extreme {
            return Array(Set((0..<count).map { _ in Int64(bitPattern: generator.next()) } + [.min, .max])).sorted()
        }
        return (0..<count).map { row in
            switch kind {
            case .regular: return start + Int64(row) * 15_000
            case .jitter: return start + Int64(row) * 15_000 + Int64(generator.next() % 7)
            case .gaps: time += generator.next() % 20 == 0 ? 3_600_000 : 15_000
            case .drift: time += 15_000 + Int64(row % 3)
            case .dense: time += 1 + Int64(generator.next() % 3)
            case .extreme: break
            }
            return time
        }
    }
}
