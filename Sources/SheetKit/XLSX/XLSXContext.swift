/// The data that the cells of all sheets refer to.
struct XLSXContext {
    var strings: [String]
    /// By number of the style: whether it shows dates.
    var dateStyles: [Bool]
    var is1904: Bool
}
