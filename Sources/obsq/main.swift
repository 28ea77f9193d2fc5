import Glibc

setlocale(LC_ALL, "")
signal(SIGPIPE, SIG_IGN)
exit(await Obsq(commands: allCommands).run(Array(CommandLine.arguments.dropFirst())).rawValue)
