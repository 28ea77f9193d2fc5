/// Several frames to one.
enum FrameJoin {
    /// Rows of all frames below one another; rows that agree in all columns they share become one, as Grafana's merge does.
    static func merge(_ frames: [DataFrame]) -> [DataFrame] {
        guard frames.count > 1 else { return frames }
        var fields: [DataField] = []
        for field in frames.flatMap(\.fields) where !fields.contains(where: { $0.displayName == field.displayName }) {
            fields.append(DataField(field.name, field.values.missing(0), labels: field.labels, legend: field.legend))
        }
        let shared = fields.map(\.displayName).filter { name in frames.allSatisfy { $0.field(named: name) != nil } }
        var rowOfKey: [String: Int] = [:]
        var sources: [[Int: Int]] = []
        for (frameIndex, frame) in frames.enumerated() {
            let keys = shared.compactMap { frame.field(named: $0) }
            for row in 0..<frame.rowCount {
                let key = keys.map { $0.values.key(row) }.joined(separator: "\u{1F}")
                // Rows of one frame stay apart, however alike they are.
                if let known = rowOfKey[key], sources[known][frameIndex] == nil, !shared.isEmpty {
                    sources[known][frameIndex] = row
                } else {
                    rowOfKey[key] = sources.count
                    sources.append([frameIndex: row])
                }
            }
        }
        for index in fields.indices { fields[index].values = gather(fields[index], frames, sources) }
        return [DataFrame(query: "", fields: fields)]
    }

    private static func gather(_ field: DataField, _ frames: [DataFrame], _ sources: [[Int: Int]]) -> FieldValues {
        let columns = frames.map { $0.field(named: field.displayName)?.values }
        func pick<T>(_ missing: T, _ get: (FieldValues, Int) -> T?) -> [T] {
            sources.map { row in
                for (frame, column) in columns.enumerated() {
                    if let column, let at = row[frame], let value = get(column, at) { return value }
                }
                return missing
            }
        }
        switch field.values {
        case .times:
            return .times(pick(0) { if case .times(let values) = $0, $1 < values.count { values[$1] } else { nil } })
        case .numbers:
            return .numbers(
                pick(.nan) { if case .numbers(let values) = $0, $1 < values.count { values[$1] } else { nil } })
        case .texts: return .texts(pick("") { $0.key($1) })
        }
    }

    /// Columns of all frames beside one another, rows with the same key in one line; later columns of a name get a number.
    static func outer(_ frames: [DataFrame], by name: String?) -> [DataFrame] {
        guard frames.count > 1 else { return frames }
        func keyField(_ frame: DataFrame) -> DataField? {
            if let name, !name.isEmpty { return frame.field(named: name) }
            return frame.fields.first { $0.times != nil }
        }
        let joined = frames.filter { keyField($0) != nil }
        guard let first = joined.first, let firstKey = keyField(first) else { return frames }
        var order: [String] = []
        var places: [String: Int] = [:]
        for frame in joined {
            guard let key = keyField(frame) else { continue }
            for row in 0..<frame.rowCount where places[key.values.key(row)] == nil {
                places[key.values.key(row)] = order.count
                order.append(key.values.key(row))
            }
        }
        var keyValues = firstKey.values.missing(0)
        var fields: [DataField] = []
        var seenKeys: Set<String> = []
        for (index, frame) in joined.enumerated() {
            guard let key = keyField(frame) else { continue }
            var rows = [Int](repeating: -1, count: order.count)
            var fresh: [Int] = []
            for row in 0..<frame.rowCount {
                let text = key.values.key(row)
                if let place = places[text], rows[place] < 0 { rows[place] = row }
                if seenKeys.insert(text).inserted { fresh.append(row) }
            }
            keyValues = keyValues.appending(key.values.picking(fresh))
            for field in frame.fields where field != key {
                let isTaken =
                    fields.contains { $0.displayName == field.displayName } || joined.count > 1 && field.times != nil
                var copy = DataField(field.name, field.values.picking(rows), labels: field.labels, legend: field.legend)
                if isTaken || (field.legend == nil && appearsTwice(field, joined)) {
                    copy.legend = field.displayName + " \(index + 1)"
                }
                fields.append(copy)
            }
        }
        return [
            DataFrame(
                query: "",
                fields: [DataField(firstKey.name, keyValues, labels: firstKey.labels, legend: firstKey.legend)] + fields
            )
        ]
    }

    private static func appearsTwice(_ field: DataField, _ frames: [DataFrame]) -> Bool {
        frames.filter { $0.field(named: field.displayName) != nil }.count > 1
    }
}
