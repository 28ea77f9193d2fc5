import Bedrock
import Model

/// The labels of a row as what a template is run on. A label that isn't there is the empty text.
struct LabelRoot: TemplateRoot {
    let row: RowLabels
    /// Numbers of the names of the template's fields.
    let ids: [Int32]

    func value(_ field: TemplateField) -> TemplateValue { text(row.value(ids[field.index])) }

    func value(named name: UnsafeRawBufferPointer) -> TemplateValue { text(row.value(row.names.id(name))) }

    func map() -> TemplateMap {
        var members: [(key: UnsafeRawBufferPointer, value: TemplateValue)] = []
        row.forEach { id, value, _ in members.append((row.names.name(id), .text(value))) }
        return TemplateMap(members, missing: .empty)
    }

    private func text(_ value: UnsafeRawBufferPointer?) -> TemplateValue {
        value.map { .text($0) } ?? .empty
    }
}

/// A template with what it takes to run it on rows. Not thread-safe.
final class RowTemplate {
    private let runner: TemplateRunner
    private let root: LabelRoot

    init(_ template: Template, _ row: RowLabels, _ context: TemplateContext) {
        runner = TemplateRunner(template, context: context)
        root = LabelRoot(row: row, ids: template.fieldNames.map { row.names.pin($0) })
    }

    /// The text for the row in work, valid until the next run.
    func run() throws(TemplateFailure) -> UnsafeRawBufferPointer { try runner.run(root) }
}

/// `| label_format`. Not thread-safe.
final class LabelFormatter {
    private enum Operation {
        case rename(target: Int32, source: Int32)
        case template(target: Int32, RowTemplate)
    }

    private enum Outcome {
        case text(UnsafeRawBufferPointer)
        case failure(UnsafeRawBufferPointer)
    }

    private let operations: [Operation]
    /// Of the templates, in order.
    @exclusivity(unchecked) private var outcomes: ContiguousArray<Outcome> = []

    init(_ formats: [PlannedLabelFormat], _ row: RowLabels, _ context: TemplateContext) {
        operations = formats.map { format in
            switch format {
            case .rename(let target, let source):
                .rename(target: row.names.pin(target), source: row.names.pin(source))
            case .template(let target, let template):
                .template(target: row.names.pin(target), RowTemplate(template, row, context))
            }
        }
    }

    /// All templates see the labels as they are before the first of them, so that their order doesn't matter.
    func apply(_ row: RowLabels, _ arena: ScratchArena) {
        outcomes.removeAll(keepingCapacity: true)
        var next = 0
        for operation in operations {
            switch operation {
            case .rename(let target, let source):
                guard let value = row.value(source), let category = row.category(source) else { continue }
                row.remove(source)
                row.set(target, value, category)
            case .template(let target, _):
                if outcomes.isEmpty { runTemplates(arena) }
                switch outcomes[next] {
                case .text(let text): row.set(target, text)
                case .failure(let details): row.setError(.template, details: details)
                }
                next += 1
            }
        }
    }

    private func runTemplates(_ arena: ScratchArena) {
        for case .template(_, let template) in operations {
            do throws(TemplateFailure) {
                outcomes.append(.text(arena.copy(try template.run())))
            } catch {
                outcomes.append(.failure(arena.copy(error.message)))
            }
        }
    }
}

/// What `drop` and `keep` name, compiled for one pipeline.
struct LabelSelector {
    private let items: [(id: Int32, matcher: Matcher?)]

    init(_ selections: [LabelSelection], _ names: LabelNames) {
        items = selections.map { selection in
            switch selection {
            case .name(let name): (names.pin(name), nil)
            case .matcher(let matcher): (names.pin(matcher.name), matcher)
            }
        }
    }

    func drop(_ row: RowLabels) {
        for item in items {
            guard let value = row.value(item.id) else { continue }
            if item.matcher?.matches(value) ?? true { row.remove(item.id) }
        }
    }

    func keep(_ row: RowLabels) {
        row.removeAll { id, value in
            row.isErrorLabel(id)
                || items.contains { $0.id == id && ($0.matcher?.matches(value) ?? true) }
        }
    }
}

/// `| unwrap`: a label's value as the row's number.
struct Unwrapper {
    let id: Int32
    let conversion: UnwrapStage.Conversion?

    /// nil where the row lacks the label: then the row goes. A value that is no number counts as 0, with an error.
    func value(_ row: RowLabels, _ arena: ScratchArena) -> Double? {
        guard let text = row.value(id), text.count > 0 else { return nil }
        row.hide(id)
        let result =
            switch conversion {
            case nil: Conversion.float(text)
            case .duration, .durationSeconds: Conversion.seconds(text)
            case .bytes: Conversion.bytes(text)
            }
        switch result {
        case .value(let value): return value
        case .failure(let failure):
            row.setError(.sampleExtraction, details: arena.copy(failure.description))
            return 0
        }
    }
}
