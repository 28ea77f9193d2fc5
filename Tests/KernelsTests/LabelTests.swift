import Kernels
import Model
import Testing

@Suite struct LabelTests {
    let labels = Labels(["__name__": "up", "Zone": "a", "job": "api", "path": "/x"])

    @Test func projectionsKeepOrRemove() {
        var keeping = LabelProjection(.keeping, ["path", "job", "none", "job"])
        #expect(keeping.project(labels) == Labels(["job": "api", "path": "/x"]))
        var removing = LabelProjection(.removing, ["__name__", "none"])
        #expect(removing.project(labels) == Labels(["Zone": "a", "job": "api", "path": "/x"]))
        var nothing = LabelProjection(.removing, [])
        #expect(nothing.project(labels) == labels)
        #expect(nothing.project(.empty) == .empty)
    }

    @Test func projectionsEqualTheBuilder() {
        var random = SplitMix(state: 1)
        let names = ["__name__", "A", "B", "a", "ab", "abc", "b", "é", "z"]
        for _ in 0..<300 {
            let chosen = names.filter { _ in random.next() % 2 == 0 }
            let set = Labels(chosen.map { Label($0, "v\(random.next() % 3)") })
            let picked = names.filter { _ in random.next() % 3 == 0 }
            var keeping = LabelProjection(.keeping, picked)
            var removing = LabelProjection(.removing, picked)
            #expect(keeping.project(set) == Labels(set.list.filter { picked.contains($0.name) }))
            #expect(removing.project(set) == Labels(set.list.filter { !picked.contains($0.name) }))
        }
    }

    @Test func tablesNumberInOrder() {
        var table = LabelTable()
        for round in 0..<2 {
            for index in 0..<1000 {
                let labels = Labels(["i": "\(index)"])
                #expect(table.number(of: labels) == index, "in round \(round)")
                #expect(table.existing(labels) == index)
            }
        }
        #expect(table.count == 1000 && table.existing(Labels(["i": "x"])) == nil)
    }
}
