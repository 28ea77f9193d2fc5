/// Version of the programs, as `status/buildinfo` and `--version` say it.
let version = "0.1.0"

/// The program: finds the command, runs it, turns what it throws into words and an exit status.
struct Obsq {
    let commands: [Command]

    func run(_ words: [String]) async -> ExitStatus {
        var output = Output()
        if words.first == "--version" || words.first == "version" {
            output.line("obsq \(version)")
            return .done
        }
        if words.first == "completion" {
            guard words.count == 2, let script = Help(commands: commands).completion(words[1]) else {
                output.error("completion wants a shell: bash, zsh or fish")
                return .usage
            }
            output.line(script)
            return .done
        }
        do {
            let words = words.first == "help" ? Array(words.dropFirst()) + ["--help"] : words
            let (command, parsed) = try CommandLineParser(commands: commands).parse(words)
            var invocation = parsed
            output.choose(invocation.value("--color"))
            invocation.output = output
            guard let command else {
                output.line(Help(commands: commands).overview())
                return words.isEmpty ? .usage : .done
            }
            if invocation.has("--help") {
                output.line(Help(commands: commands).page(command))
                return .done
            }
            return try await command.run(invocation)
        } catch let error as UsageError {
            output.error(error.text + "; see obsq --help")
            return .usage
        } catch let failure as Failure {
            output.error(failure.text)
            return failure.status
        } catch {
            output.error("\(error)")
            return .refused
        }
    }
}
