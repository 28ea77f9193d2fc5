/// The functions that `line_format` and `label_format` have.
public enum LogTemplateFunctions {
    public static let table = TemplateFunctions(
        TextFunctions.all + RegexFunctions.all + NumberFunctions.all + TimeFunctions.all + JSONFunctions.all + row)

    /// What only a row has.
    private static let row: [TemplateFunction] = [
        TemplateFunction("__line__", 0) { call in .text(call.context.line) },
        TemplateFunction("__timestamp__", 0) { call in
            .time(TemplateTime(nanosecondsSinceEpoch: call.context.timestamp))
        },
    ]
}
