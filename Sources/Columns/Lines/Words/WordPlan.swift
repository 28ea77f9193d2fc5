import Bedrock
import Model

/// How a column of words is written.
struct WordPlan {
    enum Form: UInt8 {
        case texts = 0
        case dictionary = 1
        /// Lower-case hexadecimal digits of one even length.
        case hex = 2
        /// Numbers without leading zeros.
        case decimals = 3
        /// All have the same number of a separator.
        case split = 4
    }

    var form = Form.texts
    /// Estimated.
    var bits = 0.0
    /// The row that has each distinct text first, and rows of each.
    var firsts: ContiguousArray<Int32> = []
    var counts: ContiguousArray<Int32> = []
    /// The distinct text of each row.
    var indexes: ContiguousArray<UInt16> = []
    var separator: UInt8 = 0
    /// Of a split column, by part.
    var parts: [WordPlan] = []
    var partTexts: [LineArena] = []
}
