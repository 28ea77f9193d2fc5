import Bedrock
import Model
import Testing

@testable import Agent

@Suite struct RelabellingTests {
    private func rule(_ change: (inout RelabelRule.Settings) -> Void) throws -> RelabelRule {
        var settings = RelabelRule.Settings()
        change(&settings)
        return try RelabelRule(settings)
    }

    /// The labels behind the rules, nil where dropped.
    private func apply(_ rules: [RelabelRule], _ labels: KeyValuePairs<String, String>) -> Labels? {
        var builder = LabelsBuilder(Labels(labels))
        return Relabelling.apply(rules, to: &builder) ? builder.labels() : nil
    }

    @Test func replaceExpandsGroupsAndKeepsWhatDoesNotMatch() throws {
        let rule = try rule {
            $0.sourceLabels = ["a", "b"]
            $0.regex = "f(.*);(?P<tail>b.*)"
            $0.targetLabel = "d_${1}"
            $0.replacement = "$tail-$1"
        }
        #expect(apply([rule], ["a": "foo", "b": "bar"]) == Labels(["a": "foo", "b": "bar", "d_oo": "bar-oo"]))
        #expect(apply([rule], ["a": "xfoo", "b": "bar"]) == Labels(["a": "xfoo", "b": "bar"]))
    }

    @Test func replaceHasDefaults() throws {
        let copy = try rule {
            $0.sourceLabels = ["a"]
            $0.targetLabel = "b"
        }
        #expect(apply([copy], ["a": "x\ny"]) == Labels(["a": "x\ny", "b": "x\ny"]))
        // A missing source is empty, and an empty value removes the target.
        #expect(apply([copy], ["b": "old"]) == Labels.empty)
        let constant = try rule {
            $0.targetLabel = "c"
            $0.replacement = "fixed"
        }
        #expect(apply([constant], ["a": "1"]) == Labels(["a": "1", "c": "fixed"]))
    }

    @Test func keepAndDropMatchWholeText() throws {
        let keep = try rule {
            $0.action = .keep
            $0.sourceLabels = ["a"]
            $0.regex = "fo|ba"
        }
        #expect(apply([keep], ["a": "foo"]) == nil)
        #expect(apply([keep], ["a": "ba"]) != nil)
        let drop = try rule {
            $0.action = .drop
            $0.sourceLabels = ["a", "b"]
            $0.separator = "-"
            $0.regex = "x-y"
        }
        #expect(apply([drop], ["a": "x", "b": "y"]) == nil)
        #expect(apply([drop], ["a": "x", "b": "z"]) != nil)
    }

    @Test func equalityOfTwoLabels() throws {
        let keep = try rule {
            $0.action = .keepequal
            $0.sourceLabels = ["port"]
            $0.targetLabel = "want"
        }
        #expect(apply([keep], ["port": "1", "want": "1"]) != nil)
        #expect(apply([keep], ["port": "1", "want": "2"]) == nil)
        let drop = try rule {
            $0.action = .dropequal
            $0.sourceLabels = ["port"]
            $0.targetLabel = "want"
        }
        #expect(apply([drop], ["port": "1", "want": "1"]) == nil)
        #expect(apply([drop], ["port": "1", "want": "2"]) != nil)
    }

    @Test func hashmodSpreadsAsPrometheusDoes() throws {
        // Values of Prometheus' own relabelling tests.
        let one = try rule {
            $0.action = .hashmod
            $0.sourceLabels = ["c"]
            $0.separator = ";"
            $0.targetLabel = "d"
            $0.modulus = 1000
        }
        #expect(apply([one], ["c": "baz"])?["d"] == "976")
        let two = try rule {
            $0.action = .hashmod
            $0.sourceLabels = ["c"]
            $0.targetLabel = "d"
            $0.modulus = 1000
        }
        #expect(apply([two], ["c": "foo\nbar"])?["d"] == "734")
    }

    @Test func digestsAgreeWithTheStandard() {
        func hex(_ text: String) -> String {
            MD5.digest(text.utf8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        #expect(hex("") == "d41d8cd98f00b204e9800998ecf8427e")
        #expect(hex("message digest") == "f96b697d7cb7938d525a2f31aaf161d0")
        let long = "12345678901234567890123456789012345678901234567890123456789012345678901234567890"
        #expect(hex(long) == "57edf4a22be3c955ac49da2e2107b67a")
        for count in 54...66 { #expect(hex(String(repeating: "a", count: count)).count == 32) }
    }

    @Test func mappingDroppingAndKeepingNames() throws {
        let map = try rule {
            $0.action = .labelmap
            $0.regex = "__meta_(.+)"
        }
        #expect(
            apply([map], ["__meta_zone": "eu", "a": "1"]) == Labels(["__meta_zone": "eu", "a": "1", "zone": "eu"]))
        let prefix = try rule {
            $0.action = .labelmap
            $0.regex = "(b.*)"
            $0.replacement = "bar_${1}"
        }
        #expect(apply([prefix], ["b1": "x"]) == Labels(["b1": "x", "bar_b1": "x"]))
        let drop = try rule {
            $0.action = .labeldrop
            $0.regex = "(b.*)"
        }
        #expect(apply([drop], ["a": "1", "b1": "2", "cb": "3"]) == Labels(["a": "1", "cb": "3"]))
        let keep = try rule {
            $0.action = .labelkeep
            $0.regex = "(b.*)"
        }
        #expect(apply([keep], ["a": "1", "b1": "2"]) == Labels(["b1": "2"]))
    }

    @Test func letters() throws {
        let lower = try rule {
            $0.action = .lowercase
            $0.sourceLabels = ["a", "b"]
            $0.targetLabel = "l"
        }
        let upper = try rule {
            $0.action = .uppercase
            $0.sourceLabels = ["a"]
            $0.targetLabel = "a"
        }
        #expect(apply([lower, upper], ["a": "Foo", "b": "BAR"]) == Labels(["a": "FOO", "b": "BAR", "l": "foo;bar"]))
    }

    @Test(arguments: [
        (RelabelRule.Action.replace, "relabel configuration for replace action requires 'target_label' value"),
        (.hashmod, "relabel configuration for hashmod action requires 'target_label' value"),
        (.keepequal, "relabel configuration for keepequal action requires 'target_label' value"),
    ])
    func targetsAreRequired(_ action: RelabelRule.Action, _ message: String) {
        #expect { try rule { $0.action = action } } throws: { "\($0)" == message }
    }

    @Test func nonsenseIsRefused() {
        #expect {
            try rule {
                $0.regex = "("; $0.targetLabel = "a"
            }
        } throws: { "\($0)".contains("invalid regular expression") }
        #expect {
            try rule {
                $0.action = .hashmod; $0.targetLabel = "a"
            }
        } throws: {
            "\($0)" == "relabel configuration for hashmod requires non-zero modulus"
        }
        #expect {
            try rule {
                $0.action = .labeldrop; $0.sourceLabels = ["a"]
            }
        } throws: {
            "\($0)" == "labeldrop action requires only 'regex', and no other fields"
        }
        #expect {
            try rule {
                $0.action = .dropequal; $0.targetLabel = "a"; $0.regex = "x"
            }
        } throws: {
            "\($0)" == "dropequal action requires only 'source_labels' and `target_label`, and no other fields"
        }
        #expect {
            try rule {
                $0.action = .lowercase; $0.targetLabel = "${1}"
            }
        } throws: {
            "\($0)" == "\"${1}\" is invalid 'target_label' for lowercase action"
        }
    }

    /// Whatever rules do to whatever labels: the same twice, and canonical.
    @Test(arguments: 0..<200 as Range<UInt64>)
    func anyRulesKeepLabelsCanonical(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let names = ["__name__", "a", "b", "job", "__meta_x", "é", "instance"]
        let values = ["", "1", "foo;bar", "Grün", "x\ny", "${1}", String(repeating: "v", count: 200)]
        let regexes = ["(.*)", "f(.)o.*", "__meta_(.+)", "", "a|b", ".*(r).*"]
        let rules = try (0..<6).map { _ in
            try rule {
                $0.action = RelabelRule.Action.allCases.randomElement(using: &random) ?? .replace
                let names = (0..<Int.random(in: 0...2, using: &random)).compactMap { _ in
                    names.randomElement(using: &random)
                }
                let isNameOnly = $0.action == .labeldrop || $0.action == .labelkeep
                let isEquality = $0.action == .keepequal || $0.action == .dropequal
                if !isNameOnly {
                    $0.sourceLabels = names
                    $0.targetLabel = names.first ?? "t"
                }
                if !isEquality { $0.regex = regexes.randomElement(using: &random) }
                if $0.action == .hashmod { $0.modulus = UInt64.random(in: 1...9, using: &random) }
                if !isNameOnly && !isEquality {
                    $0.replacement = ["$1", "x_$1", "fixed", "${0}"].randomElement(using: &random)
                }
            }
        }
        var builder = LabelsBuilder()
        for name in names { builder.set(name, values.randomElement(using: &random) ?? "") }
        let start = builder.labels()
        var second = LabelsBuilder(start)
        let kept = Relabelling.apply(rules, to: &builder)
        let keptAgain = Relabelling.apply(rules, to: &second)
        #expect(kept == keptAgain)
        guard kept else { return }
        let result = builder.labels()
        #expect(result == second.labels())
        #expect(Labels(result.list) == result)
        #expect(result.list.allSatisfy { !$0.name.isEmpty && !$0.value.isEmpty })
    }
}
