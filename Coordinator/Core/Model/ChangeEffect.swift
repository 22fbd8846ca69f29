/// The effect of a compare-and-set step on a row.
public enum ChangeEffect<Row: Sendable & Hashable>: Sendable, Hashable {
    /// The row as the change leaves it.
    case changed(Row)
    /// The change took effect before and its answer was lost, so a caller may repeat it.
    case applied
    /// The row is in another state or owned by another attempt: nothing changes.
    case refused
}
