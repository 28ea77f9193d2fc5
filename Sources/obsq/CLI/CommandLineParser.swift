import Bedrock

/// Finds the command and its flags in the words of a command line.
struct CommandLineParser {
    let commands: [Command]

    /// - Returns: the command, or nil when there is none to run (help, version or completion was asked for).
    func parse(_ words: [String]) throws -> (Command?, Invocation) {
        var invocation = Invocation()
        var operands: [String] = []
        let command = find(in: words)
        let known = globalFlags + (command?.flags ?? [])
        let flags = Dictionary(known.map { ($0.name, $0) }, uniquingKeysWith: { _, last in last })
        let shorts = Dictionary(
            known.compactMap { flag in flag.short.map { ($0, flag.name) } }, uniquingKeysWith: { _, last in last })
        var rest = words[...]
        var literal = false
        while let word = rest.popFirst() {
            if literal || !word.hasPrefix("-") || word == "-" || isNegativeNumber(word) {
                operands.append(word)
                continue
            }
            if word == "--" {
                literal = true
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = shorts[parts[0]] ?? parts[0]
            guard let flag = flags[name] else {
                let hint = Suggestion.hint(name, in: flags.keys)
                throw UsageError("unknown flag \(name)\(hint)")
            }
            guard flag.placeholder != nil else {
                invocation.values[name] = "true"
                continue
            }
            guard let value = parts.count > 1 ? parts[1] : rest.popFirst() else {
                throw UsageError("\(name) wants a value: \(flag.placeholder ?? "")")
            }
            if !flag.choices.isEmpty && !flag.choices.contains(value) {
                throw UsageError("\(name) must be one of \(flag.choices.joined(separator: ", "))")
            }
            invocation.values[name] = value
        }
        if let command {
            invocation.arguments = Array(operands.dropFirst(command.name.split(separator: " ").count))
            return (command, invocation)
        }
        if let first = operands.first, !invocation.has("--help") {
            let group = commands.filter { $0.name.hasPrefix(first + " ") }.map(\.name)
            if !group.isEmpty { throw UsageError("\(first) what? one of: \(group.joined(separator: ", "))") }
            let names = Set(commands.map { String($0.name.split(separator: " ")[0]) })
            let hint = Suggestion.hint(first, in: names)
            throw UsageError("unknown command \"\(first)\"\(hint)")
        }
        return (nil, invocation)
    }

    /// The longest command name that the operands begin with. Flags may stand anywhere.
    private func find(in words: [String]) -> Command? {
        let valued = Set(globalFlags.filter { $0.placeholder != nil }.map(\.name))
        var operands: [String] = []
        var skip = false
        for word in words {
            if skip {
                skip = false
            } else if word.hasPrefix("-") {
                skip = valued.contains(word)
            } else {
                operands.append(word)
            }
            if operands.count == 2 { break }
        }
        let two = operands.prefix(2).joined(separator: " ")
        return commands.first { $0.name == two } ?? commands.first { $0.name == operands.first }
    }

    private func isNegativeNumber(_ word: String) -> Bool { word.count > 1 && Double(word) != nil }
}
