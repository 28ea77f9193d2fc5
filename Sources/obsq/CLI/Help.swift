/// Help texts and shell completion, made from the table of commands.
struct Help {
    let commands: [Command]

    func overview() -> String {
        let width = commands.map { $0.name.count }.max() ?? 0
        let rows = commands.map { "  \($0.name.padded(width))  \($0.summary)" }
        return """
            obsq: ask obsd, or a data folder, about metrics and logs

            usage: obsq COMMAND [ARGUMENTS] [FLAGS]

            \(rows.joined(separator: "\n"))

            flags of every command:
            \(lines(globalFlags))

            Exit status: 0 done, 1 the answer is no, 2 wrong use, 3 server unreachable or refused.
            """
    }

    func page(_ command: Command) -> String {
        var text = "usage: obsq \(command.name) \(command.operands)\n\n\(command.summary)\n"
        if !command.flags.isEmpty { text += "\n\(lines(command.flags))\n" }
        if !command.examples.isEmpty {
            text += "\nexamples:\n" + command.examples.map { "  obsq \($0)\n" }.joined()
        }
        return text + "\nflags of every command:\n\(lines(globalFlags))"
    }

    private func lines(_ flags: [Flag]) -> String {
        let heads = flags.map { flag in
            "  " + (flag.short.map { $0 + ", " } ?? "") + flag.name + (flag.placeholder.map { " " + $0 } ?? "")
        }
        let width = heads.map(\.count).max() ?? 0
        return zip(heads, flags).map { "\($0.padded(width))  \($1.help)" }.joined(separator: "\n")
    }

    /// A completion script for `shell`, or nil when it isn't known.
    func completion(_ shell: String) -> String? {
        let words = Array(Set(commands.map { String($0.name.split(separator: " ")[0]) })).sorted()
        switch shell {
        case "bash": return bash(words)
        case "zsh": return "autoload -U +X bashcompinit && bashcompinit\n" + bash(words)
        case "fish": return fish()
        default: return nil
        }
    }

    private func bash(_ words: [String]) -> String {
        var cases = ""
        for first in words {
            let second = commands.compactMap { c -> String? in
                let parts = c.name.split(separator: " ")
                return parts.count == 2 && parts[0] == first ? String(parts[1]) : nil
            }
            let flags = commands.filter { $0.name.split(separator: " ")[0] == first }.flatMap { $0.flags.map(\.name) }
            cases += "        \(first)) words=\"\((second + Set(flags).sorted()).joined(separator: " "))\" ;;\n"
        }
        return """
            _obsq() {
                local current=${COMP_WORDS[COMP_CWORD]} words=
                if [ "$COMP_CWORD" -eq 1 ]; then words="\(words.joined(separator: " "))"; else
                    case ${COMP_WORDS[1]} in
            \(cases)        esac
                fi
                case $current in -*) words="$words \(globalFlags.map(\.name).joined(separator: " "))" ;; esac
                COMPREPLY=($(compgen -W "$words" -- "$current"))
                [ ${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- "$current"))
            }
            complete -F _obsq obsq
            """
    }

    private func fish() -> String {
        var lines: [String] = []
        for command in commands {
            let parts = command.name.split(separator: " ").map(String.init)
            let summary = command.summary.replacing("'", with: "")
            if parts.count == 1 {
                lines.append("complete -c obsq -n __fish_use_subcommand -a \(parts[0]) -d '\(summary)'")
            } else {
                lines.append("complete -c obsq -n __fish_use_subcommand -a \(parts[0])")
                lines.append(
                    "complete -c obsq -n '__fish_seen_subcommand_from \(parts[0])' -a \(parts[1]) -d '\(summary)'")
            }
            for flag in command.flags {
                lines.append(
                    "complete -c obsq -n '__fish_seen_subcommand_from \(parts[0])' -l \(flag.name.dropFirst(2))\(flag.short.map { " -s " + $0.dropFirst() } ?? "")\(flag.placeholder == nil ? "" : " -r")"
                )
            }
        }
        return lines.joined(separator: "\n")
    }
}

extension String {
    func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
