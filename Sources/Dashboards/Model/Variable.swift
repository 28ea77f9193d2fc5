/// A variable of a dashboard.
public struct Variable: Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
        case query
        case custom
        case constant
        case textBox
        case interval
        /// Chooses among data sources of a plugin type; here there is one server.
        case dataSource
        /// Filters for all queries; not applied here.
        case adHoc
        case unknown(String)
    }

    public enum Sorting: Int, Sendable {
        case none
        case alphabeticalAscending
        case alphabeticalDescending
        case numericalAscending
        case numericalDescending
        case caseInsensitiveAscending
        case caseInsensitiveDescending
    }

    public struct Option: Hashable, Sendable {
        public var text: String
        public var value: String

        public init(text: String, value: String) {
            self.text = text
            self.value = value
        }

        public init(_ value: String) { self.init(text: value, value: value) }
    }

    public var name = ""
    public var label = ""
    public var kind = Kind.query
    /// Not shown in the variables line: `hide` 2.
    public var isHidden = false
    public var query = ""
    /// Whom a query variable asks.
    public var dataSource = DataSource.standard
    /// `/pattern/` to cut values by.
    public var pattern = ""
    public var sorting = Sorting.none
    public var isMulti = false
    public var includesAll = false
    /// What All stands for, as it is; empty joins the options.
    public var allValue = ""
    /// Ask again when the time range changes.
    public var refreshesWithTime = false
    /// Given in the document: custom lists, intervals.
    public var options: [Option] = []
    /// Chosen in the document.
    public var current: [Option] = []

    public init() {}

    /// The value that stands for All.
    public static let all = "$__all"

    public var title: String { label.isEmpty ? name : label }
}
