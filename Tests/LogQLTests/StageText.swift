import LogQL

/// Reads the stages of the conformance files: one stage, written plainly.
enum StageText {
    static func stages(_ text: String) throws -> [PipelineStage] {
        var rest = Substring(text)
        func skip() { rest = rest.drop { $0 == " " } }
        func word() -> String {
            let w = rest.prefix { $0.isLetter || $0 == "_" || $0.isNumber }; rest = rest.dropFirst(w.count);
            return String(w)
        }
        func str() -> String {
            let q = rest.removeFirst()
            if q == "`" { let w = rest.prefix { $0 != "`" }; rest = rest.dropFirst(w.count + 1); return String(w) }
            var out = ""
            while let c = rest.first, c != "\"" {
                rest.removeFirst();
                if c == "\\" { let d = rest.removeFirst(); out.append(d == "n" ? "\n" : d) } else { out.append(c) }
            }
            rest.removeFirst()
            return out
        }
        rest.removeFirst(); skip()
        let kind = word(); skip()
        func extractions() -> [LabelExtraction] {
            var r: [LabelExtraction] = []
            while !rest.isEmpty {
                let n = word(); rest.removeFirst(); r.append(LabelExtraction(n, str()));
                rest = rest.drop { $0 == "," || $0 == " " }
            }
            return r
        }
        switch kind {
        case "json": return [.json(extractions())]
        case "regexp": return [.regexp(str())]
        case "pattern": return [.pattern(str())]
        case "unpack": return [.unpack]
        case "decolorize": return [.decolorize]
        case "line_format": return [.lineFormat(str())]
        case "logfmt":
            var s = LogfmtStage()
            if rest.hasPrefix("--strict") { s.isStrict = true; rest = rest.dropFirst(8); skip() }
            if rest.hasPrefix("--keep-empty") { s.keepsEmpty = true; rest = rest.dropFirst(12); skip() }
            s.extractions = extractions()
            return [.logfmt(s)]
        default:
            var r: [LabelFormat] = []
            while !rest.isEmpty {
                let n = word(); rest.removeFirst();
                if rest.first == "`" || rest.first == "\"" {
                    r.append(.template(target: n, str()))
                } else {
                    r.append(.rename(target: n, source: word()))
                }; rest = rest.drop { $0 == "," || $0 == " " }
            }
            return [.labelFormat(r)]
        }
    }
}
