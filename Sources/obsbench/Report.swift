import Bedrock

/// Figures in aligned columns.
enum Report {
    static func print(_ rows: [(name: String, value: String)]) {
        let width = rows.map(\.name.count).max() ?? 0
        for row in rows {
            Swift.print(row.name + String(repeating: " ", count: width - row.name.count) + "  " + row.value)
        }
    }

    /// Three significant digits, or all of a whole number.
    static func number(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return NumberText.text(value) }
        if value.magnitude >= 1000 { return String(Int(value.rounded())) }
        var factor = 1.0
        while value.magnitude * factor < 100 { factor *= 10 }
        return NumberText.text((value * factor).rounded() / factor)
    }
}
