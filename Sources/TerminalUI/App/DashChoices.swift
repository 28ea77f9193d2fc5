import Dashboards
import Model

/// Menus, prompts and commands.
extension DashState {
    // MARK: menus

    mutating func pressInMenu(_ key: Key, _ menu: DashMenu, now: Int64) -> [DashEffect] {
        var next = menu
        switch key {
        case .escape:
            mode = behind
            return []
        case .up: next.move(-1)
        case .down: next.move(1)
        case .pageUp: next.move(-10)
        case .pageDown: next.move(10)
        case .home: next.move(-next.items.count)
        case .end: next.move(next.items.count)
        case .enter: return choose(next, now: now)
        case .character(" ") where isMulti(menu): return toggle(next, now: now)
        default: next.type(key)
        }
        mode = .menu(next)
        return []
    }

    private func variable(_ menu: DashMenu) -> Variable? {
        guard case .options(let name) = menu.purpose else { return nil }
        return dashboard.variables.first { $0.name == name }
    }

    private func isMulti(_ menu: DashMenu) -> Bool { variable(menu)?.isMulti ?? false }

    private mutating func choose(_ menu: DashMenu, now: Int64) -> [DashEffect] {
        guard let item = menu.current else { return [] }
        switch menu.purpose {
        case .timeRange:
            if item.value.isEmpty {
                mode = .prompt(
                    Prompt(purpose: .timeRange, editor: LineEditor(settings.window.from + " " + settings.window.to)))
                return []
            }
            mode = behind
            return setRange(item.value, now: now)
        case .variables:
            guard let variable = dashboard.variables.first(where: { $0.name == item.value }) else { return [] }
            if variable.kind == .textBox || (variables.options[variable.name] ?? []).isEmpty {
                let text = (variables.chosen[variable.name] ?? []).joined(separator: ",")
                mode = .prompt(Prompt(purpose: .value(of: variable.name), editor: LineEditor(text)))
            } else {
                mode = .menu(.options(variable, variables))
            }
            return []
        case .options(let name):
            mode = behind
            let marked = menu.items.filter(\.isMarked).map(\.value)
            let keeps = isMulti(menu) && marked.contains(item.value) && marked != [item.value]
            return setVariable(name, keeps ? marked : [item.value], now: now)
        case .dashboards:
            mode = .grid
            return [.open(item.value)]
        }
    }

    /// Marks or unmarks one of several values; All and single values exclude one another.
    private mutating func toggle(_ menu: DashMenu, now: Int64) -> [DashEffect] {
        var next = menu
        guard let item = menu.current, let at = menu.items.firstIndex(of: item) else { return [] }
        next.items[at].isMarked.toggle()
        for index in next.items.indices where (next.items[index].value == Variable.all) != (item.value == Variable.all)
        { next.items[index].isMarked = false }
        mode = .menu(next)
        return []
    }

    private mutating func setVariable(_ name: String, _ values: [String], now: Int64) -> [DashEffect] {
        wanted = variables.chosen
        wanted[name] = values
        return refreshVariables(now: now)
    }

    /// Other variables may depend on the one that changed: all are resolved again, with the same choices where they still exist.
    private mutating func refreshVariables(now: Int64) -> [DashEffect] {
        let effects = refresh(now: now).filter { effect in
            if case .query = effect { return false }
            if case .resolveVariables = effect { return false }
            return true
        }
        return effects + [.resolveVariables(wanted: wanted, range: range, generation: generation)]
    }

    // MARK: prompts

    mutating func pressInPrompt(_ key: Key, _ prompt: Prompt, now: Int64) -> [DashEffect] {
        var next = prompt
        switch key {
        case .escape:
            if prompt.purpose == .filter { filter = "" }
            mode = behind
        case .enter:
            mode = behind
            return finish(prompt, now: now)
        case .tab where prompt.purpose == .command:
            if let completed = DashCommand.complete(prompt.editor.text) { next.editor = LineEditor(completed) }
            mode = .prompt(next)
        default:
            _ = next.editor.handle(key)
            if prompt.purpose == .filter { filter = next.editor.text }
            mode = .prompt(next)
        }
        return []
    }

    private mutating func finish(_ prompt: Prompt, now: Int64) -> [DashEffect] {
        let text = prompt.editor.text
        switch prompt.purpose {
        case .filter: return []
        case .timeRange: return setRange(text, now: now)
        case .value(let name): return setVariable(name, [text], now: now)
        case .command: return run(text, now: now)
        }
    }

    /// `6h`, `now-6h now`, `2026-03-01 2026-03-02`, `2026-03-01T10:00:00 to now`.
    mutating func setRange(_ text: String, now: Int64) -> [DashEffect] {
        let parts = text.split(separator: " ").map(String.init).filter { $0 != "to" && $0 != "-" }
        var window: TimeWindow?
        switch parts.count {
        case 1:
            window =
                DurationText.parse(parts[0]).flatMap { $0 > 0 ? TimeWindow(last: $0) : nil }
                ?? TimeWindow(from: parts[0])
        case 2: window = TimeWindow(from: parts[0], to: parts[1])
        case 4: window = TimeWindow(from: parts[0] + " " + parts[1], to: parts[2] + " " + parts[3])
        default: break
        }
        guard let window, window.resolve(now: now, zone: settings.zone) != nil else {
            message = Message(
                text: "no time range: \"\(text)\" (try 6h, now-1d now, 2026-03-01 2026-03-02)", isError: true)
            return []
        }
        settings.window = window
        return refresh(now: now)
    }

    // MARK: commands

    private mutating func run(_ text: String, now: Int64) -> [DashEffect] {
        let words = text.split(separator: " ", maxSplits: 1).map(String.init)
        guard let name = words.first else { return [] }
        let argument = words.count > 1 ? words[1] : ""
        guard let command = DashCommand.find(name) else {
            message = Message(
                text: "unknown command \"\(name)\" (\(DashCommand.all.map(\.name).joined(separator: ", ")))",
                isError: true)
            return []
        }
        switch command.name {
        case "quit": return [.quit]
        case "help": return overlay(.help)
        case "range":
            return argument.isEmpty ? overlay(.menu(.timeRanges(settings.window))) : setRange(argument, now: now)
        case "refresh": return setRefresh(argument, now: now)
        case "utc": return setZone(.utc)
        case "local": return setZone(.local)
        case "var": return setByCommand(argument, now: now)
        case "open":
            if !argument.isEmpty { return [.open(argument)] }
            let items = settings.dashboards.map { DashMenu.Item(text: $0, value: $0) }
            return overlay(.menu(DashMenu(purpose: .dashboards, title: "Dashboards", items: items)))
        case "theme":
            settings.theme = argument == "light" ? .light : argument == "mono" ? .monochrome : .dark
            return [.redraw]
        default: return []
        }
    }

    private mutating func setRefresh(_ text: String, now: Int64) -> [DashEffect] {
        if text.isEmpty { return refresh(now: now) }
        if text == "off" {
            settings.refresh = nil
        } else if let milliseconds = DurationText.parse(text), milliseconds >= 1000 {
            settings.refresh = milliseconds
        } else {
            message = Message(text: "no refresh interval: \"\(text)\" (off, or at least 1s)", isError: true)
            return []
        }
        return [.schedule(settings.refresh)]
    }

    private mutating func setByCommand(_ text: String, now: Int64) -> [DashEffect] {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, dashboard.variables.contains(where: { $0.name == parts[0] }) else {
            let names = dashboard.variables.map(\.name).joined(separator: ", ")
            message = Message(
                text: "write :var NAME=VALUE; there are: \(names.isEmpty ? "none" : names)", isError: true)
            return []
        }
        return setVariable(parts[0], parts[1].split(separator: ",").map(String.init), now: now)
    }
}

/// The words behind `:`.
struct DashCommand {
    var name: String
    var argument: String
    var meaning: String

    static let all = [
        DashCommand(name: "open", argument: "NAME", meaning: "another dashboard"),
        DashCommand(name: "range", argument: "FROM [TO]", meaning: "time range: 6h, now-1d now, 2026-03-01 2026-03-02"),
        DashCommand(name: "refresh", argument: "10s|off", meaning: "how often to ask anew"),
        DashCommand(name: "var", argument: "NAME=VALUE", meaning: "set a variable"),
        DashCommand(name: "theme", argument: "dark|light|mono", meaning: "colours"),
        DashCommand(name: "utc", argument: "", meaning: "times in UTC"),
        DashCommand(name: "local", argument: "", meaning: "times of this machine's zone"),
        DashCommand(name: "help", argument: "", meaning: "all keys"),
        DashCommand(name: "quit", argument: "", meaning: "leave"),
    ]

    /// By name or its only beginning; `q` and `q!` as everywhere.
    static func find(_ word: String) -> DashCommand? {
        if word == "q" || word == "q!" { return find("quit") }
        let exact = all.first { $0.name == word }
        let candidates = all.filter { $0.name.hasPrefix(word) }
        return exact ?? (candidates.count == 1 ? candidates[0] : nil)
    }

    static func complete(_ text: String) -> String? {
        let candidates = all.filter { $0.name.hasPrefix(text) }
        return candidates.count == 1 ? candidates[0].name + " " : nil
    }
}
