/// The effect of a compare-and-set step on a row.
public enum ChangeEffect<Row: Sendable & Hashable>: Sendable, Hashable {
    /// The row after the change.
    case changed(Row)
    /// The change took effect earlier and its response was lost, so a caller may repeat it.
    case applied
    /// The row is in another state or owned by another attempt: nothing changes.
    case refused
}
