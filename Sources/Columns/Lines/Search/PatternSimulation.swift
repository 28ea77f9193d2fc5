/// Runs a program over a pattern: once as if every slot had the values that suit it best, once as if it had those that suit it worst.
struct PatternSimulation {
    private let program: LineProgram
    /// By code: elements that some, and that every, character of a slot stands for.
    private var some: [UInt64] = .init(repeating: 0, count: SlotCode.end)
    private var every: [UInt64] = .init(repeating: 0, count: SlotCode.end)

    init(_ program: LineProgram) {
        self.program = program
        for code in 1..<SlotCode.end {
            guard let alphabet = Self.alphabet(UInt8(code)) else { continue }
            some[code] = alphabet.reduce(0) { $0 | program.masks[Int($1)] }
            every[code] = alphabet.reduce(.max) { $0 & program.masks[Int($1)] }
        }
    }

    private static func alphabet(_ code: UInt8) -> [UInt8]? {
        guard let kind = SlotCode.kind(code) else { return nil }
        let digits = Array(UInt8(48)...57)
        if case .word = kind { return (0...255).filter { !LineTokens.isDelimiter($0) } }
        guard case .hex(_, let isUpper) = kind else { return digits }
        return digits + (isUpper ? Array(UInt8(65)...70) : Array(UInt8(97)...102))
    }

    /// What the program says about all lines of `entry`.
    func verdict(
        _ entry: LineDictionary.Entry, _ texts: UnsafePointer<UInt8>, _ slots: UnsafeBufferPointer<LineDictionary.Slot>
    ) -> LineVerdict {
        let best = Run(program, isBest: true)
        let worst = Run(program, isBest: false)
        var (a, b) = (best, worst)
        var slot = entry.slotStart
        let end = entry.slotStart + entry.slotCount
        program.masks.withUnsafeBufferPointer { masks in
            for i in 0..<entry.textLength {
                if slot < end, Int(slots[slot].position) == i {
                    let code = slots[slot].code
                    a.take(program, code, some[Int(code)])
                    b.take(program, code, every[Int(code)])
                    slot += 1
                } else {
                    let mask = masks[Int(texts[entry.textStart + i])]
                    a.take(program, mask)
                    b.take(program, mask)
                }
            }
        }
        if !a.isMatch(program) { return .never }
        return b.isMatch(program) && !program.isPrefix ? .always : .row
    }

    /// Whether a line of `entry` may have a match that no word has a part in.
    func mayMatchBesideWords(
        _ entry: LineDictionary.Entry, _ texts: UnsafePointer<UInt8>, _ slots: UnsafeBufferPointer<LineDictionary.Slot>
    ) -> Bool {
        var run = Run(program, isBest: true)
        var slot = entry.slotStart
        let end = entry.slotStart + entry.slotCount
        program.masks.withUnsafeBufferPointer { masks in
            for i in 0..<entry.textLength {
                guard slot < end, Int(slots[slot].position) == i else {
                    run.take(program, masks[Int(texts[entry.textStart + i])])
                    continue
                }
                let code = slots[slot].code
                if code == SlotCode.word { run.states = run.start } else { run.take(program, code, some[Int(code)]) }
                slot += 1
            }
        }
        return run.isMatch(program)
    }

    private struct Run {
        var states: UInt64
        let start: UInt64
        let isBest: Bool
        var hasMatched: Bool

        init(_ program: LineProgram, isBest: Bool) {
            states = program.initial
            start = program.isAnchoredAtStart ? 0 : states
            self.isBest = isBest
            hasMatched = states & program.accepting != 0 && !program.isAnchoredAtEnd
        }

        @inline(__always) mutating func take(_ program: LineProgram, _ mask: UInt64) {
            states = program.step(states, mask)
            if states & program.accepting != 0, !program.isAnchoredAtEnd { hasMatched = true }
            states |= start
        }

        mutating func take(_ program: LineProgram, _ code: UInt8, _ mask: UInt64) {
            if let length = SlotCode.fixedLength(code) {
                for _ in 0..<length { take(program, mask) }
                return
            }
            // Any length: all outcomes together, or what all have in common.
            take(program, mask)
            var all = states
            if code == SlotCode.word {
                // No length is the last: until nothing changes.
                while true {
                    let before = (all, hasMatched)
                    states = all
                    take(program, mask)
                    if !isBest { hasMatched = before.1 }
                    all = isBest ? all | states : all & states
                    if all == before.0 { break }
                }
                states = all
                return
            }
            for _ in 1..<SlotCode.lengthMax(code) {
                let before = hasMatched
                take(program, mask)
                if !isBest { hasMatched = before }
                all = isBest ? all | states : all & states
            }
            states = all
        }

        func isMatch(_ program: LineProgram) -> Bool { hasMatched || states & program.accepting != 0 }
    }

    /// Where in lines of `entry`, which all have the same layout, a match may begin.
    func starts(
        _ entry: LineDictionary.Entry, _ texts: UnsafePointer<UInt8>, _ slots: UnsafeBufferPointer<LineDictionary.Slot>
    ) -> [Int32] {
        var layout: [UInt64] = []
        layout.reserveCapacity(entry.lineLength)
        var slot = entry.slotStart
        let end = entry.slotStart + entry.slotCount
        for i in 0..<entry.textLength {
            if slot < end, Int(slots[slot].position) == i {
                let code = slots[slot].code
                for _ in 0..<SlotCode.lengthMax(code) { layout.append(some[Int(code)]) }
                slot += 1
            } else {
                layout.append(program.masks[Int(texts[entry.textStart + i])])
            }
        }
        var result: [Int32] = []
        for start in 0..<(program.isAnchoredAtStart ? min(1, layout.count) : layout.count) {
            var states = program.initial
            var at = start
            while at < layout.count, states != 0, states & program.accepting == 0 || program.isAnchoredAtEnd {
                states = program.step(states, layout[at])
                at += 1
            }
            if states & program.accepting != 0 { result.append(Int32(start)) }
        }
        return result
    }
}
