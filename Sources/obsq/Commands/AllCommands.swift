/// Every command, in the order of the overview.
let allCommands: [Command] = [checkConfigCommand, checkMetricsCommand, checkQueryCommand]
