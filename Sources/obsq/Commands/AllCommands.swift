/// Every command, in the order of the overview.
let allCommands: [Command] = [
    queryCommand, rangeCommand, labelsCommand, seriesCommand, logsCommand, statusCommand, dashCommand,
    checkConfigCommand,
    checkMetricsCommand, checkQueryCommand, checkLogQLCommand, checkTraceQLCommand, testPromQLCommand, testLogQLCommand,
    verifyCommand,
    tracesCommand, traceCommand, graphCommand,
]
